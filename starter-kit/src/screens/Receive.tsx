import { useState } from "react";
import { CopyButton } from "../ui/Address.tsx";
import { useSelect } from "../ui/context.tsx";
import { AmountField, Field } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Card, Page } from "../ui/Page.tsx";
import { amountAsInput, parseAmount } from "../ui/parseAmount.ts";
import { Qr } from "../ui/Qr.tsx";
import { qtumText } from "../ui/Qtum.tsx";

/** One's address as text and QR, with a wished amount for wallets that read `qtum:` links. */
export function Receive() {
  const address = useSelect((state) => state.account?.address ?? "");
  const receivable = useSelect((state) => state.totals.receivable);
  const network = useSelect((state) => state.network?.name ?? null);
  const [amount, setAmount] = useState("");
  const [note, setNote] = useState("");
  const uri = paymentUri(address, amount, note);
  return (
    <Page title="Receive" narrow lead="Give this address to your partner. Payments in your channels arrive by themselves; on-chain payments need a block.">
      <Card title="Your address">
        <Qr text={uri} label={`QR code of ${uri}`} />
        <p className="address grouped" data-testid="receive-address">
          {address}
        </p>
        <div className="row">
          <CopyButton text={address} what="Address" />
        </div>
        {network && network !== "mainnet" && <p className="muted small">This is an address of {network}. Addresses of test networks look alike: do not send real QTUM here.</p>}
      </Card>
      <Card title="Ask for an amount">
        <AmountField label="Amount (optional)" value={amount} onChange={(event) => setAmount(event.target.value)} testId="invoice-amount" />
        <Field label="Note (optional)" value={note} onChange={(event) => setNote(event.target.value)} maxLength={80} />
        <div className="field">
          <span className="legend" id="request-text">
            Link that wallets understand
          </span>
          <p className="mono sunken wrap-anywhere" aria-labelledby="request-text" data-testid="invoice-text">
            {uri}
          </p>
        </div>
        <div className="row">
          <CopyButton text={uri} what="Link" />
        </div>
      </Card>
      <p className="row nowrap muted small">
        <Icon name="info" />
        <span>In your channels you can receive up to {qtumText(receivable)} now. Need more? Ask a partner to add funds.</span>
      </p>
    </Page>
  );
}

/** `qtum:<address>?amount=&message=` exactly as Qtum Core reads it; an unreadable amount is left out. */
export function paymentUri(address: string, amount: string, note: string): string {
  const query: string[] = [];
  try {
    if (amount.trim()) query.push(`amount=${amountAsInput(parseAmount(amount))}`);
  } catch {
    // The field is still being typed into.
  }
  if (note.trim()) query.push(`message=${encodeURIComponent(note.trim())}`);
  return `qtum:${address}${query.length > 0 ? `?${query.join("&")}` : ""}`;
}
