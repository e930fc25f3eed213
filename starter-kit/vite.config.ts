/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds a relay; the built DApp is served by the relay itself. */
const relay = process.env["SPARKY_PUBLIC_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // Absolute: a page deep in the application (`/channels/5`) loads the same files.
  base: "/",
  build: {
    target: "es2022",
    // The content security policy allows no inline data; the core is a file of its own anyway.
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": { target: relay, ws: true }, "/readyz": relay, "/problems": relay } },
  test: { environment: "node", include: ["src/**/*.test.ts", "src/**/*.test.tsx"], testTimeout: 20_000 },
});
