-- A lease is the right to do what only one relay may do at a time: follow the chain into this
-- database, or guard the sleeping. What its holder writes is written only if it still holds it, in the
-- same transaction, so a process that was stopped and wakes up late changes nothing.
create table lease (
    -- chain or tower.
    lease_id text   not null primary key,

    -- Which relay; none while it is free. Not a reference: the row of a dead holder may be gone.
    holder   text,

    -- Counts the holders.
    term     bigint not null check (0 < term),

    -- Counts what was written under the lease: the others look when it moves.
    changes  bigint not null check (0 <= changes),

    -- The height up to which its holders have done their work.
    height   bigint not null check (0 <= height)
);
