import { renderSVG } from "uqr";
import { useMemo } from "react";

/** A QR code: always dark on white, with its quiet zone; the text it holds stands beside it. */
export function Qr({ text, label }: { readonly text: string; readonly label: string }) {
  const source = useMemo(
    () => `data:image/svg+xml,${encodeURIComponent(renderSVG(text, { ecc: "M", border: 4 }))}`,
    [text],
  );
  return (
    <div className="qr">
      <img src={source} alt={label} width={264} height={264} data-testid="invoice-qr" />
    </div>
  );
}
