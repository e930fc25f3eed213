-- A login challenge is answered once, within five minutes, from the origin that asked for it.
create table login_challenge (
    login_challenge_id text   not null primary key,
    account            bytea  not null check (length(account) = 20),

    -- The exact login that has to be signed, as sparky-protocol writes it.
    body               text   not null,

    -- Seconds since 1970.
    expires_at         bigint not null
);

-- A session is a bearer token that was handed out. Only its hash is kept: who reads this table can
-- not be anybody.
create table session (
    token_hash bytea  not null primary key check (length(token_hash) = 32),
    account    bytea  not null check (length(account) = 20),

    -- Seconds since 1970.
    created_at bigint not null,
    expires_at bigint not null
);

-- A ticket opens one WebSocket within thirty seconds, for browsers that can not send a header.
create table socket_ticket (
    ticket_hash bytea  not null primary key check (length(ticket_hash) = 32),
    account     bytea  not null check (length(account) = 20),
    expires_at  bigint not null
);
