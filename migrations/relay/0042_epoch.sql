-- An epoch is one life of this database. When it was restored from an older copy, the operator begins
-- the next one (`sparky migrate --restored`): clients then bring what was forgotten, and those that lost
-- their own memory do not take this relay's word alone.
create table epoch (
    -- There is one.
    epoch_id    bigint not null primary key check (epoch_id = 1),

    -- Random, so that a client sees that it is another one.
    name        text   not null,

    -- The height of the chain when it was restored; none if it never was.
    restored_at bigint check (restored_at is null or 0 <= restored_at)
);
