// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../src/IDuplexChannel.sol";
import {Expectations} from "./support/Expectations.sol";
import {Handler} from "./support/Handler.sol";

/// @dev Must hold, whatever is called in whatever order. The handler asserts what must be true of one call (each
/// authorisation once, forward only, one alone can empty a channel); here is what must be true at any time.
contract InvariantsTest is Expectations {
    Handler private handler;

    function setUp() external {
        handler = new Handler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev The handler's setUp is no move.
    function excludeSelectors() external view returns (Selectors[] memory excluded) {
        excluded = new Selectors[](1);
        excluded[0].addr = address(handler);
        excluded[0].selectors = new bytes4[](1);
        excluded[0].selectors[0] = bytes4(keccak256("setUp()"));
    }

    struct Selectors {
        address addr;
        bytes4[] selectors;
    }

    /// @dev A handler that plays nothing would hold every invariant: see that it reaches every part.
    function test_theHandlerReachesEverything() external {
        uint256 seed = 7;
        for (uint256 i = 0; i < 400; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint96 amount = uint96(seed >> 128);
            uint256 move = seed % 11;
            seed >>= 8;
            if (move == 0) handler.open(seed, amount, seed & 1 == 0);
            if (move == 1) handler.deposit(seed, amount, seed & 1 == 0);
            if (move == 2) handler.cooperativeWithdraw(seed, amount, seed & 1 == 0);
            if (move == 3) handler.cooperativeClose(seed, int96(amount), true);
            if (move == 4) handler.close(seed, amount, amount, uint48(seed));
            if (move == 5) handler.post(seed);
            if (move == 6) handler.settle(seed, seed & 1 == 0);
            if (move == 7) handler.emptyAlone(seed);
            if (move == 8) handler.moodOf(seed, seed & 2 == 0);
            if (move == 9) handler.withdraw(seed, seed & 2 == 0);
            if (move == 10) handler.pass(uint8(seed));
        }
        string[6] memory moves = ["deposit", "withdraw", "cooperativeClose", "post", "settle", "fetch"];
        for (uint256 i = 0; i < moves.length; ++i) {
            assertGe(handler.worked(moves[i]), 3, moves[i]);
        }
        this.invariant_mustHold();
    }

    /// @dev One campaign for all, because playing is what takes time.
    function invariant_mustHold() external view {
        holdingsAreChannelsAndCredits();
        everyChannelPaysItsTotalOnce();
        registrationsStay();
    }

    /// @dev [I1] Holdings are exactly what the channels hold, what is credited, and what was given away.
    /// [I11] Deadlines are at most three windows after the close.
    function holdingsAreChannelsAndCredits() private view {
        IDuplexChannel channels = handler.channelsOf();
        uint256[2] memory inChannels;
        for (uint256 i = 0; i < handler.bookCount(); ++i) {
            Handler.Book memory book = handler.book(i);
            (int96 netA, int96 netB, uint32 deadline,,) = channels.channel(keccak256(abi.encode(book.params)));
            int256 total = int256(netA) + netB;
            assertTrue(0 <= total, "a total is never negative");
            inChannels[book.params.token == address(0) ? 0 : 1] += uint256(total);
            if (book.phase == 3) assertEq(total, 0, "an ended channel holds nothing");
            if (book.phase == 2) assertLe(deadline, book.closedAt + 3 * book.params.window, "a deadline is near");
            assertTrue(book.phase != 1 || deadline == 0, "an open channel has none");
        }
        address[2] memory assets = [address(0), address(handler.token())];
        for (uint256 i = 0; i < 2; ++i) {
            assertEq(
                handler.reserves(assets[i]),
                inChannels[i] + handler.credits(assets[i]) + handler.donated(assets[i]),
                "holdings = channels + credits + donations"
            );
        }
    }

    /// @dev [I2] What went in has come out or is still there, channel by channel.
    function everyChannelPaysItsTotalOnce() private view {
        IDuplexChannel channels = handler.channelsOf();
        for (uint256 i = 0; i < handler.bookCount(); ++i) {
            Handler.Book memory book = handler.book(i);
            (int96 netA, int96 netB,,,) = channels.channel(keccak256(abi.encode(book.params)));
            assertEq(book.paidIn, book.paidOut + uint256(int256(netA) + netB), "in = out + held");
        }
    }

    /// @dev [I12] Registration is write-once.
    function registrationsStay() private view {
        IDuplexChannel channels = handler.channelsOf();
        for (uint256 i = 0; i < 8; ++i) {
            bytes32 hash = sha256(abi.encodePacked(bytes32(i)));
            assertEq(channels.preimageBlock(hash), handler.firstOpened(hash), "the first height");
            assertLe(channels.preimageBlock(hash), block.number, "not in the future");
        }
    }
}
