-- A transaction that a participant sent through this relay. It is followed into the chain, and
-- sent again when a reorganisation throws it out.
create table sent_transaction (
    transaction_id bytea  not null check (length(transaction_id) = 32),
    account        bytea  not null check (length(account) = 20),

    -- What it is for, in the sender's words.
    purpose        text,

    raw            bytea  not null,
    sent_at        bigint not null check (0 <= sent_at),

    -- The block that holds it; none while it waits.
    block_hash     bytea  check (block_hash is null or length(block_hash) = 32),

    primary key (transaction_id, account)
);

create index sent_transaction_by_block on sent_transaction (block_hash);
