-- A backup is what an account keeps here against the loss of its device, sealed with a key that only
-- its wallet can make: to the relay it is noise. One per account, so an account can not fill the disk.
create table backup (
    account    bytea  not null primary key check (length(account) = 20),

    -- Counts the account's backups. A lower one never replaces a higher one, so that an old device
    -- can not overwrite what a newer one has written.
    revision   bigint not null check (0 < revision),

    body       bytea  not null check (length(body) <= 262144),

    -- Seconds since 1970, for people only.
    stored_at  bigint not null
);
