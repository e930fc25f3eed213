#!/bin/sh
# Writes the one configuration that qtumd and qtum-cli read, then becomes qtumd.
set -eu
umask 077

case $QTUM_CHAIN in
regtest) chain=regtest listen=0 ;;
testnet) chain=test listen=1 ;;
mainnet) chain=main listen=1 ;;
*)
    echo "QTUM_CHAIN is $QTUM_CHAIN: regtest, testnet or mainnet" >&2
    exit 2
    ;;
esac

cat >"$HOME/.qtum/qtum.conf" <<CONF
chain=$chain
server=1
printtoconsole=1
# What the relay asks for: transactions by id, coins by address, the contract's events.
txindex=1
addrindex=1
logevents=1
# The wallet pays for the watchtower. Staked coins would be locked when they are needed.
staking=0
rpcthreads=8
rpcworkqueue=128

[$chain]
listen=$listen
# Loaded at every start; made once by \`sparky migrate\`.
wallet=sparky
rpcport=13889
rpcbind=0.0.0.0
# Networks of containers; whoever gets in still needs the password.
rpcallowip=10.0.0.0/8
rpcallowip=172.16.0.0/12
rpcallowip=192.168.0.0/16
rpcuser=$QTUM_RPC_USER
rpcpassword=$QTUM_RPC_PASSWORD
CONF

exec qtumd "$@"
