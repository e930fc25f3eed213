import "./styles/index.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./screens/App.tsx";
import { openSession } from "./session/open.ts";
import { DoorContext } from "./ui/context.tsx";

/** The profile of this page: `?profile=bob` lets Bob live in a second tab of the same browser. */
const profile = new URLSearchParams(window.location.search).get("profile") ?? "main";
const { store, actions } = openSession({ profile });

const root = document.getElementById("root");
if (!root) throw new Error("invariant: index.html has a #root");
createRoot(root).render(
  <StrictMode>
    <DoorContext value={{ store, actions, openSession }}>
      <App />
    </DoorContext>
  </StrictMode>,
);
