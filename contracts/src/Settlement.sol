// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev The arithmetic of a settlement, pure, so that a fuzzer can state its laws. All inputs are far below 2^128, so
/// nothing here can overflow.
library Settlement {
    /// @dev The `penaltyBps` that means: everything.
    uint256 internal constant EVERYTHING = type(uint16).max;

    /// @dev What each is paid before a penalty: A's net corrected by what both owe, within what there is.
    /// @param total netA + netB, never negative.
    function split(int256 netA, uint256 total, uint256 owedByA, uint256 owedByB)
        internal
        pure
        returns (uint256 payA, uint256 payB)
    {
        int256 due = netA + int256(owedByB) - int256(owedByA);
        if (0 < due) payA = min(uint256(due), total);
        payB = total - payA;
    }

    /// @dev What a closer pays for what it hid, out of `pay`, which it would get otherwise.
    function penalty(uint256 pay, uint256 shown, uint256 declared, uint256 penaltyBps) internal pure returns (uint256) {
        if (shown <= declared) return 0;
        if (penaltyBps == EVERYTHING) return pay;
        return min(pay, (shown - declared) * penaltyBps / 10_000);
    }

    function max(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? b : a;
    }

    function min(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }
}
