// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "./IDuplexChannel.sol";

/// @dev What is signed, as EIP-712 structs. One type per intent, so that no signature can be taken for another.
library TypedData {
    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant BALANCE_PROOF =
        keccak256("BalanceProof(bytes32 channelId,uint48 nonce,uint96 transferred,bytes32 locksRoot)");
    bytes32 private constant ACK = keccak256("Ack(bytes32 proofHash)");
    bytes32 private constant COOPERATIVE_CLOSE =
        keccak256("CooperativeClose(bytes32 channelId,int96 netToA,uint16 sequence,uint32 validUntil)");
    bytes32 private constant COOPERATIVE_WITHDRAW =
        keccak256("CooperativeWithdraw(bytes32 channelId,bool fromB,uint96 amount,uint16 sequence,uint32 validUntil)");

    function domainSeparator(uint256 chainId, address verifyingContract) internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256("Sparky"), keccak256("1"), chainId, verifyingContract));
    }

    function digest(bytes32 separator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", separator, structHash));
    }

    function balanceProof(bytes32 channelId, IDuplexChannel.BalanceProof calldata proof)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(BALANCE_PROOF, channelId, proof.nonce, proof.transferred, proof.locksRoot));
    }

    function ack(bytes32 proofHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(ACK, proofHash));
    }

    function cooperativeClose(bytes32 channelId, int96 netToA, uint16 sequence, uint32 validUntil)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(COOPERATIVE_CLOSE, channelId, netToA, sequence, validUntil));
    }

    function cooperativeWithdraw(bytes32 channelId, bool fromB, uint96 amount, uint16 sequence, uint32 validUntil)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(COOPERATIVE_WITHDRAW, channelId, fromB, amount, sequence, validUntil));
    }
}
