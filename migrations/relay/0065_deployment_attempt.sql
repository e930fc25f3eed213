-- A deployment attempt is a contract that was sent to the chain and does not stand yet. It is written
-- before anybody waits for its block: whoever migrates next waits for this one, and does not pay for a
-- second. It goes when the deployment is written.
create table deployment_attempt (
    -- There is one, as there is one deployment.
    deployment_attempt_id bigint not null primary key check (deployment_attempt_id = 1),

    -- The chain that it was sent to.
    network               text   not null,

    -- The transaction, as it is printed.
    txid                  text   not null,

    -- Where the contract will be.
    contract              bytea  not null check (length(contract) = 20)
);
