-- The watch of one participant over one channel. No row means that it is on: protection is not
-- something that one has to ask for.
create table watch (
    channel_id  bytea  not null references channel (channel_id),

    -- Who is guarded: 0 is A, 1 is B.
    guarded     bigint not null check (guarded in (0, 1)),

    -- Since which height it is switched off; none is on.
    disabled_at bigint,

    primary key (channel_id, guarded)
);

-- A watch action is one transaction of the watchtower, written before it is broadcast. Whether it
-- is still needed is asked anew at every block; this row only stops it from being paid twice.
create table watch_action (
    -- sha256 of the call data: one need, one row per attempt.
    need           bytea  not null check (length(need) = 32),
    attempt        bigint not null check (0 < attempt),

    channel_id     bytea  not null references channel (channel_id),
    guarded        bigint not null check (guarded in (0, 1)),

    -- Which call, in the contract's words.
    call           text   not null,

    transaction_id bytea  not null check (length(transaction_id) = 32),

    -- Sent again when a node has forgotten it.
    raw            bytea  not null,

    sent_at        bigint not null check (0 <= sent_at),

    -- The height in which it was seen mined, and the one at which it was given up.
    mined_at       bigint,
    failed_at      bigint,

    primary key (need, attempt)
);

create index watch_action_by_channel on watch_action (channel_id);
