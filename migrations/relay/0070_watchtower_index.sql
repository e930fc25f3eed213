-- What the watchtower asks at every block is read from here, however many channels there are: which
-- of them somebody has closed and nobody has settled,
create index chain_event_closing on chain_event (channel_id) where kind in ('closed', 'recovered');
create index chain_event_ended on chain_event (channel_id) where kind in ('settled', 'cooperatively-closed');

-- and which of its transactions wait.
create index watch_action_waiting on watch_action (sent_at, attempt) where mined_at is null and failed_at is null;
