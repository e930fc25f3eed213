-- A block that the follower has connected. Recent ones are kept so that a reorganisation that
-- happened while the relay slept is found by comparing hashes, not heights.
create table block (
    hash   bytea  not null primary key check (length(hash) = 32),
    height bigint not null check (0 <= height),

    -- Seconds since 1970, as the miner said. For people only: every deadline is a height.
    time   bigint not null
);

create index block_by_height on block (height);

-- A chain event is one log of the contract in one block. Keyed by the block's hash: when a block is
-- disconnected its events go with it, and what is left is the truth again.
create table chain_event (
    block_hash  bytea  not null check (length(block_hash) = 32),

    -- Position in the block.
    log_index   bigint not null check (0 <= log_index),

    height      bigint not null check (0 <= height),
    transaction_id bytea not null check (length(transaction_id) = 32),
    channel_id  bytea  not null references channel (channel_id),

    -- The event as sparky-protocol writes it, the kind repeated for look-ups.
    kind        text   not null,
    body        text   not null,

    primary key (block_hash, log_index)
);

create index chain_event_by_channel on chain_event (channel_id, height, log_index);
