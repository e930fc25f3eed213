-- A proposal is a cooperative close or withdrawal that one participant has signed and the other has
-- not yet. It dies by height: after `valid_until` the contract refuses it.
create table proposal (
    proposal_id  text   not null primary key,
    channel_id   bytea  not null references channel (channel_id),

    -- Who proposed: 0 is A, 1 is B.
    proposer     bigint not null check (proposer in (0, 1)),

    -- What was signed, as sparky-protocol writes an authorisation.
    body         text   not null,

    valid_until  bigint not null check (0 <= valid_until),
    signature    text   not null,

    -- The partner's answer; none while it waits.
    countersignature text,

    -- The height at which it was withdrawn, or found expired.
    ended_at     bigint
);

create index proposal_by_channel on proposal (channel_id);
create index proposal_waiting on proposal (valid_until) where ended_at is null;
