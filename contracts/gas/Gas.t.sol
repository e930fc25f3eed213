// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {ChannelTest} from "../test/support/ChannelTest.sol";
import {vm} from "../test/support/Vm.sol";

/// @dev Measures whole transactions. To be run with `--isolate`: then forge executes every call of a test as a
/// transaction of its own, from nothing warm but sender, receiver and precompiles, and counts 21,000 + calldata +
/// execution − refunds (at most 1/5). Values are such as occur: random keys and signatures, amounts of some QTUM,
/// heights above 2^16, a channel number above 2^8, participants that exist.
contract Gas is ChannelTest {
    string private constant FILE = "cache/gas.json";

    string private json;

    function setUp() public override {
        super.setUp();
        vm.roll(4_700_000);
        // Not the first channel of the deployment: its counter exists.
        vm.store(address(channels), 0, bytes32(uint256(1234)));
    }

    /// @dev The gas of the last call, which was a transaction.
    function used(string memory key) private returns (uint256 gas) {
        gas = vm.lastCallGas().gasTotalUsed;
        record(key, gas);
    }

    function record(string memory key, uint256 gas) private {
        json = string.concat(json, bytes(json).length == 0 ? "{" : ",", '"', key, '":', vm.toString(gas));
    }

    function test_measure() external {
        isolationIsOn();
        happy();
        closing();
        dispute();
        floor();
        locks();
        preimages();
        vm.writeFile(FILE, string.concat(json, "}"));
    }

    function isolationIsOn() private {
        (bool ok,) = STRANGER.call{value: 1}("");
        assertTrue(ok, "plain payment");
        assertEq(vm.lastCallGas().gasTotalUsed, 21_000, "a plain payment; run with --isolate");
    }

    function happy() private {
        vm.prank(alice.account);
        channels.open{value: 100 * QTUM}(bob.account, address(0), 100 * QTUM, WINDOW, PENALTY_BPS);
        used("open_deposit");
        IDuplexChannel.Params memory params =
            IDuplexChannel.Params(channels.channelCount(), alice.account, bob.account, address(0), WINDOW, PENALTY_BPS);
        vm.prank(bob.account);
        channels.deposit{value: 50 * QTUM}(params, true, 50 * QTUM);
        used("deposit");

        uint32 validUntil = uint32(block.number + 100);
        IDuplexChannel.Sig memory sig = sign(bob, withdrawHash(params, false, 10 * QTUM, 0, validUntil));
        vm.prank(alice.account);
        channels.cooperativeWithdraw(params, false, 10 * QTUM, validUntil, absent(), sig);
        used("cooperative_withdraw");

        sig = sign(bob, closeHash(params, -20 * 1e8, 1, validUntil));
        vm.prank(alice.account);
        channels.cooperativeClose(params, -20 * 1e8, validUntil, absent(), sig);
        used("cooperative_close");
    }

    function closing() private {
        IDuplexChannel.Params memory params = openWith(100 * QTUM, 50 * QTUM);
        IDuplexChannel.BalanceProof memory proof = proofOf(300, 12 * QTUM);
        IDuplexChannel.Sig memory sig = signed(bob, params, proof);
        vm.prank(alice.account);
        channels.close(params, 0, proof, sig, uint32(block.number + 100));
        used("close_proof");

        params = openWith(100 * QTUM, 50 * QTUM);
        sig = signed(bob, params, proof);
        vm.prank(alice.account);
        channels.close(params, 30 * QTUM, proof, sig, uint32(block.number + 100));
        used("close_proof_declared");
    }

    function dispute() private {
        IDuplexChannel.Params memory params = openWith(100 * QTUM, 50 * QTUM);
        closeBy(alice, params, 0, proofOf(300, 12 * QTUM));

        IDuplexChannel.BalanceProof memory proof = proofOf(400, 23 * QTUM);
        IDuplexChannel.Sig memory sig = signed(alice, params, proof);
        vm.prank(bob.account);
        channels.counterClaim(params, proof, sig, absent());
        used("counter_claim");
        proof = proofOf(401, 24 * QTUM);
        sig = signed(alice, params, proof);
        vm.prank(bob.account);
        channels.counterClaim(params, proof, sig, absent());
        used("counter_claim_again");

        vm.roll(block.number + 2 * WINDOW);
        vm.prank(bob.account);
        channels.settle(params, "", "");
        used("settle");

        params = openWith(100 * QTUM, 50 * QTUM);
        closeBy(alice, params, 0, proofOf(300, 12 * QTUM));
        proof = proofOf(400, 23 * QTUM);
        sig = signed(alice, params, proof);
        IDuplexChannel.Sig memory ack = acked(bob, params, proof);
        vm.prank(STRANGER);
        channels.counterClaim(params, proof, sig, ack);
        used("counter_claim_ack");
    }

    function floor() private {
        IDuplexChannel.Params memory params = openWith(100 * QTUM, 50 * QTUM);
        closeBy(alice, params, 0, proofOf(300, 12 * QTUM));
        raiseFloorOf(alice, params, proofOf(400, 23 * QTUM));
        used("raise_floor");

        params = openWith(100 * QTUM, 50 * QTUM);
        closeBy(alice, params, 22 * QTUM, proofOf(300, 12 * QTUM));
        raiseFloorOf(alice, params, proofOf(400, 23 * QTUM));
        used("raise_floor_declared");
    }

    /// @dev What one lock more adds to a settlement: the mean over 32 in long lists, where the limit of refunds, which
    /// would flatter the figure, is out of reach.
    function locks() private {
        uint256 shorter = settleWith(32);
        uint256 longer = settleWith(64);
        record("lock_at_settle", (longer - shorter) / 32);
    }

    function settleWith(uint256 count) private returns (uint256) {
        IDuplexChannel.Params memory params = openWith(100 * QTUM, 50 * QTUM);
        Lock[] memory list = new Lock[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 preimage = keccak256(abi.encode("preimage", count, i));
            list[i] = Lock(uint64(i + 300), 3 * QTUM, uint32(block.number + 50), preimage);
            registerPreimage(preimage);
        }
        bytes memory packed = pack(list);
        closeBy(alice, params, 0, proofOf(300, 12 * QTUM));
        counterClaimBy(bob, params, proofOf(400, 23 * QTUM, packed));
        vm.roll(block.number + 2 * WINDOW);
        vm.prank(bob.account);
        channels.settle(params, packed, "");
        return vm.lastCallGas().gasTotalUsed;
    }

    function preimages() private {
        bytes32[] memory list = new bytes32[](1);
        list[0] = dense("first");
        channels.registerPreimages(list);
        uint256 first = used("register_preimage");
        list = new bytes32[](11);
        for (uint256 i = 0; i < 11; ++i) {
            list[i] = dense(bytes32(i + 1));
        }
        channels.registerPreimages(list);
        uint256 eleven = vm.lastCallGas().gasTotalUsed;
        record("register_preimage_more", (eleven - first) / 10);
    }

    /// @dev A preimage without a zero byte, the dearest kind.
    function dense(bytes32 seed) private pure returns (bytes32 preimage) {
        return keccak256(abi.encode(seed)) | bytes32(uint256(type(uint256).max / 255));
    }
}
