// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../../src/IDuplexChannel.sol";
import {Locks} from "../../src/Locks.sol";
import {Signatures} from "../../src/Signatures.sol";
import {TypedData} from "../../src/TypedData.sol";

/// @dev Libraries behind external functions, because they read call data.
contract Probe {
    function structHash(bytes32 channelId, IDuplexChannel.BalanceProof calldata proof) external pure returns (bytes32) {
        return TypedData.balanceProof(channelId, proof);
    }

    function check(IDuplexChannel.Sig calldata sig, address account, bytes32 digest) external pure returns (bool) {
        return Signatures.account(sig) == account && Signatures.signed(sig, digest);
    }

    function isPoint(uint256 x, uint256 y) external pure returns (bool) {
        return Signatures.isPoint(x, y);
    }

    function requireRoot(bytes calldata locks, bytes32 root) external pure {
        Locks.requireRoot(locks, root, false);
    }
}
