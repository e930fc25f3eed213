-- The sequence hands out the numbers of an account's events. Taking a number and writing the event
-- are one transaction, so numbers have no gaps and become visible in order.
create table account_sequence (
    account bytea  not null primary key check (length(account) = 20),
    seq     bigint not null check (0 <= seq),

    -- The client has kept everything up to here.
    acked   bigint not null default 0 check (0 <= acked)
);

-- An account event is something that an account must hear, kept until it says that it has: the
-- stored row is the mailbox of a partner who is asleep.
create table account_event (
    account    bytea  not null check (length(account) = 20),
    seq        bigint not null check (0 < seq),

    -- Milliseconds since 1970, for people only.
    created_at bigint not null,

    kind       text   not null,
    body       text   not null,

    -- Set for a received proof only, so that a channel's proofs can be listed and so that one is
    -- removed only after a newer acknowledged proof has replaced it.
    channel_id bytea  check (channel_id is null or length(channel_id) = 32),
    sender     bigint check (sender is null or sender in (0, 1)),
    nonce      bigint check (nonce is null or 0 < nonce),

    primary key (account, seq)
);

create index account_event_by_proof on account_event (channel_id, sender, nonce)
    where nonce is not null;
