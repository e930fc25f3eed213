-- The deployment is the one contract that this relay serves. `sparky migrate` writes it; a relay
-- without it refuses to start, so nobody ever signs for a contract that is not there.
create table deployment (
    -- There is one: the contract holds all channels.
    deployment_id bigint not null primary key check (deployment_id = 1),

    -- dev, regtest, testnet or mainnet: a database never serves two chains.
    network       text   not null,

    -- The contract, 20 bytes as the chain knows it.
    contract      bytea  not null check (length(contract) = 20),

    -- sha256 of the deployed code, so that another contract at the address is noticed.
    code_hash     bytea  not null check (length(code_hash) = 32),

    -- The block that holds its creation: where the follower begins to read.
    height        bigint not null check (0 <= height)
);
