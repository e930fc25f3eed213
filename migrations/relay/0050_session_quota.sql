-- Sessions and tickets have a bound per account, and what is over is looked for by its end: neither
-- may read the whole table.
create index session_by_account on session (account, created_at);
create index session_by_end on session (expires_at);
create index socket_ticket_by_account on socket_ticket (account, expires_at);
create index login_challenge_by_end on login_challenge (expires_at);
-- The transactions of an account that wait have a bound too.
create index sent_transaction_by_account on sent_transaction (account);
create index sent_transaction_by_height on sent_transaction (sent_at);
