import { encode } from "uqr";
import { useMemo } from "react";

/** A QR code: always dark on white, with its quiet zone; the text it holds stands beside it. */
export function Qr({ text, label }: { readonly text: string; readonly label: string }) {
  const { size, path } = useMemo(() => {
    const code = encode(text, { ecc: "M", border: 4 });
    const squares = code.data.flatMap((line, y) => line.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])));
    return { size: code.size, path: squares.join("") };
  }, [text]);
  return (
    <div className="qr">
      <svg viewBox={`0 0 ${size} ${size}`} width={264} height={264} role="img" aria-label={label} shapeRendering="crispEdges" data-testid="invoice-qr">
        <path d={path} fill="#0b1420" />
      </svg>
    </div>
  );
}
