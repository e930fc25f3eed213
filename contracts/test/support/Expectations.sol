// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "./Vm.sol";

/// @dev The assertions of these tests: both figures in every message.
abstract contract Expectations {
    error Unexpected(string what, uint256 got, uint256 expected);
    error UnexpectedSigned(string what, int256 got, int256 expected);
    error UnexpectedWord(string what, bytes32 got, bytes32 expected);
    error NotTrue(string what);

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    function assertEq(uint256 got, uint256 expected, string memory what) internal pure {
        if (got != expected) revert Unexpected(what, got, expected);
    }

    function assertEq(int256 got, int256 expected, string memory what) internal pure {
        if (got != expected) revert UnexpectedSigned(what, got, expected);
    }

    function assertEq(bytes32 got, bytes32 expected, string memory what) internal pure {
        if (got != expected) revert UnexpectedWord(what, got, expected);
    }

    function assertEq(address got, address expected, string memory what) internal pure {
        if (got != expected) revert UnexpectedWord(what, bytes32(bytes20(got)), bytes32(bytes20(expected)));
    }

    /// @dev got ≤ limit.
    function assertLe(uint256 got, uint256 limit, string memory what) internal pure {
        if (limit < got) revert Unexpected(what, got, limit);
    }

    /// @dev limit ≤ got.
    function assertGe(uint256 got, uint256 limit, string memory what) internal pure {
        if (got < limit) revert Unexpected(what, got, limit);
    }

    /// @dev The next call must revert with this error, which has no figures.
    function expectError(bytes4 selector) internal {
        vm.expectRevert(abi.encodeWithSelector(selector));
    }

    /// @dev The next call must revert with this error and one account.
    function expectError(bytes4 selector, address account) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, account));
    }

    /// @dev The next call must revert with this error and one word.
    function expectError(bytes4 selector, bytes32 word) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, word));
    }

    /// @dev The next call must revert with this error and two figures.
    function expectError(bytes4 selector, uint256 one, uint256 two) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, one, two));
    }

    /// @dev A value within [min, max] out of anything, for fuzzing.
    function bound(uint256 value, uint256 min, uint256 max) internal pure returns (uint256) {
        if (min <= value && value <= max) return value;
        uint256 size = max - min;
        if (size == type(uint256).max) return value;
        return min + value % (size + 1);
    }
}
