// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;
import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "../test/support/ChannelTest.sol";
import {vm, Vm} from "../test/support/Vm.sol";
contract P is ChannelTest {
    IDuplexChannel.Params params;
    function setUp() public override { super.setUp(); vm.roll(4_700_000); vm.store(address(channels), 0, bytes32(uint256(1234))); params = openWith(100*QTUM, 0); }
    function test_p() external {
        vm.prank(bob.account);
        channels.deposit{value: 50 * QTUM}(params, true, 50 * QTUM);
    }
}
