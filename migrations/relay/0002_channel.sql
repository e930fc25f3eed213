-- A channel is what its parameters say: the channel id is their hash, so a row can never change.
-- Whether it is open, closing or settled is not here: that follows from the chain events.
create table channel (
    channel_id  bytea  not null primary key check (length(channel_id) = 32),

    -- What people call it. Not unique: a reorganisation may give a number to another channel.
    number      bigint not null check (0 <= number),

    -- The two participants; A opened it.
    account_a   bytea  not null check (length(account_a) = 20),
    account_b   bytea  not null check (length(account_b) = 20),

    -- The asset: twenty zero bytes are QTUM, anything else a QRC20 contract.
    token       bytea  not null check (length(token) = 20),

    -- The finalization period in blocks.
    period      bigint not null check (0 < period),

    -- What hiding one unit costs, in ten-thousandths of it.
    penalty_bps bigint not null check (0 <= penalty_bps)
);

create index channel_by_number on channel (number);
create index channel_by_account_a on channel (account_a);
create index channel_by_account_b on channel (account_b);
