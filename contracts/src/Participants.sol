// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {A, B} from "./Channel.sol";
import {IDuplexChannel} from "./IDuplexChannel.sol";
import {Signatures} from "./Signatures.sol";

/// @dev Which of the two is it? The caller, or the signer of something.
library Participants {
    using Signatures for IDuplexChannel.Sig;

    function accountOf(IDuplexChannel.Params calldata params, uint256 side) internal pure returns (address) {
        return side == A ? params.accountA : params.accountB;
    }

    function sideOfCaller(IDuplexChannel.Params calldata params) internal view returns (uint256) {
        if (msg.sender == params.accountA) return A;
        if (msg.sender == params.accountB) return B;
        revert IDuplexChannel.NotParticipant(msg.sender);
    }

    /// @dev Whose direction a proof is for: its signer's.
    function sideOfSigner(IDuplexChannel.Params calldata params, bytes32 digest, IDuplexChannel.Sig calldata sig)
        internal
        pure
        returns (uint256 side)
    {
        address account = sig.account();
        if (account == params.accountB) side = B;
        else if (account != params.accountA) revert IDuplexChannel.SignatureInvalid(address(0));
        if (!sig.signed(digest)) revert IDuplexChannel.SignatureInvalid(account);
    }

    /// @dev Both agree: who calls agrees by calling.
    function requireBoth(
        IDuplexChannel.Params calldata params,
        bytes32 digest,
        IDuplexChannel.Sig calldata sigA,
        IDuplexChannel.Sig calldata sigB
    ) internal view {
        if (msg.sender != params.accountA) sigA.requireBy(params.accountA, digest);
        if (msg.sender != params.accountB) sigB.requireBy(params.accountB, digest);
    }
}
