-- A question is asked by a participant that lost its memory, where this relay's word is not enough:
-- "which of our proofs do you hold?". One per participant and channel: a newer one replaces it.
create table question (
    channel_id bytea  not null references channel (channel_id),

    -- Who asks: 0 is A, 1 is B.
    asker      bigint not null check (asker in (0, 1)),

    -- 32 random bytes: an older answer does not fit.
    question   bytea  not null check (length(question) = 32),

    -- The partner's word as sparky-protocol writes it, signed; none while it waits.
    word       text,

    primary key (channel_id, asker)
);
