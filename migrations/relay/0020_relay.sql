-- A relay is a process that serves this database now, perhaps one of several. Whoever stops leaves
-- nothing behind; whoever is killed leaves a row that does not move any more, and others remove it.
create table relay (
    -- Random, new at every start.
    relay_id         text   not null primary key,

    -- Counts on while the process lives. The others look for how long it has stood still, each by its
    -- own clock, so that no clock has to agree with another.
    beat             bigint not null check (0 <= beat),

    -- Counts the changes of its presence rows, so that others read them only when there is something new.
    presence_changes bigint not null check (0 <= presence_changes)
);

-- Presence is an account that has a connection to a relay.
create table presence (
    relay_id text  not null references relay (relay_id) on delete cascade,
    account  bytea not null check (length(account) = 20),

    primary key (relay_id, account)
);
