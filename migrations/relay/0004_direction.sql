-- A direction is one of the two one-way streets of a channel: what its sender has promised so far
-- and what the recipient acknowledged. Both rows are born with the channel.
create table direction (
    channel_id bytea  not null references channel (channel_id),

    -- Who writes this street: 0 is A, 1 is B.
    sender     bigint not null check (sender in (0, 1)),

    -- Counts the changes of this row. Compare-and-swap: a change is kept only if it was made upon
    -- the revision that is still here, so two writers, even two processes, can not both win.
    revision   bigint not null check (0 <= revision),

    -- The revision that the present one was made upon: the compare half of the swap.
    base       bigint not null check (0 <= base),

    -- Nonce of the newest proof and of the newest acknowledged one; 0 is none.
    nonce      bigint not null check (0 <= nonce),
    acked      bigint not null check (0 <= acked and acked <= nonce),

    -- The newest proof with its locks and acks, as sparky-protocol writes it. This is what a
    -- participant who lost everything is shown, and what the watchtower posts.
    body       text   not null,

    primary key (channel_id, sender)
);
