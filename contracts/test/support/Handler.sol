// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestToken} from "../../src/dev/TestToken.sol";
import {IDuplexChannel} from "../../src/IDuplexChannel.sol";
import {ChannelTest} from "./ChannelTest.sol";
import {Refuser} from "./Contracts.sol";
import {vm} from "./Vm.sol";

/// @dev Plays with several channels in QTUM and in a token at once, in any order, with calls that are meant to work and
/// calls that are not, and keeps its own books of what must be true. The books know nothing of nonces, floors or locks:
/// those are for the game. Here it is about money, order and authorisations.
contract Handler is ChannelTest {
    /// @dev What the books say of a channel. Phases: 1 open, 2 closed, 3 ended.
    struct Book {
        IDuplexChannel.Params params;
        uint256 phase;
        uint256 paidIn;
        uint256 paidOut;
        uint256 closedAt;
        uint16 sequence;
        uint48[2] nonces;
        uint96[2] floors;
    }

    uint256 private constant MAX_CHANNELS = 6;

    TestToken public token;
    /// @dev What was given to the contract without a channel.
    mapping(address asset => uint256) public donated;
    mapping(bytes32 paymentHash => uint256) public firstOpened;
    /// @dev How often something worked, so that a handler that plays nothing is seen.
    mapping(string what => uint256) public worked;

    Book[] private books;

    constructor() {
        setUp();
        token = new TestToken("Test", "TST");
        Participant[2] memory both = [alice, bob];
        for (uint256 i = 0; i < 2; ++i) {
            token.mint(both[i].account, 1e30);
            vm.prank(both[i].account);
            token.approve(address(channels), type(uint256).max);
        }
    }

    function channelsOf() external view returns (IDuplexChannel) {
        return channels;
    }

    function book(uint256 index) external view returns (Book memory) {
        return books[index];
    }

    function bookCount() external view returns (uint256) {
        return books.length;
    }

    // ----------------------------------------------------------------------------------------------- choices

    /// @dev Mostly one that is in the phase in which the call makes sense.
    function pick(uint256 seed, uint256 phase) private view returns (Book storage) {
        uint256 spread = uint256(keccak256(abi.encode(seed)));
        for (uint256 i = 0; i < books.length && spread % 4 != 0; ++i) {
            Book storage b = books[(spread + i) % books.length];
            if (b.phase == phase) return b;
        }
        return books[spread % books.length];
    }

    function player(uint256 seed) private view returns (Participant memory self, Participant memory partner) {
        return seed % 2 == 0 ? (alice, bob) : (bob, alice);
    }

    function held(IDuplexChannel.Params memory params) private view returns (int256 netA, int256 netB) {
        (int96 a, int96 b,,,) = channels.channel(idOf(params));
        return (a, b);
    }

    function reserves(address asset) public view returns (uint256) {
        return asset == address(0) ? address(channels).balance : token.balanceOf(address(channels));
    }

    /// @dev What an asset has in credits of the two, who are the only payees.
    function credits(address asset) public view returns (uint256) {
        return channels.credit(alice.account, asset) + channels.credit(bob.account, asset);
    }

    /// @dev A call that may fail. Keeps the books of what left the contract for this channel.
    function attempt(Book storage b, address caller, uint256 value, bytes memory data) private returns (bool ok) {
        address asset = b.params.token;
        uint256 before = reserves(asset) - credits(asset);
        vm.prank(caller);
        (ok,) = address(channels).call{value: value}(data);
        uint256 afterwards = reserves(asset) - credits(asset);
        if (afterwards < before) b.paidOut += before - afterwards;
        note(b);
    }

    /// @dev What only ever moves forward.
    function note(Book storage b) private {
        bytes32 id = idOf(b.params);
        (,, uint32 deadline, uint16 sequence, uint16 flags) = channels.channel(id);
        uint256 phase = flags == 0 ? 3 : deadline == 0 ? 1 : 2;
        assertGe(phase, b.phase, "phases only move forward");
        if (b.phase == 1 && phase == 2) b.closedAt = block.number;
        b.phase = phase;
        if (phase == 3) return;
        assertGe(sequence, b.sequence, "the sequence only rises");
        b.sequence = sequence;
        for (uint256 i = 0; i < 2; ++i) {
            Posted memory posted = postedOf(b.params, i == 1);
            assertGe(posted.nonce, b.nonces[i], "nonces only rise");
            assertGe(posted.floor, b.floors[i], "floors only rise");
            b.nonces[i] = posted.nonce;
            b.floors[i] = posted.floor;
        }
    }

    /// @dev Heights do not fall.
    function goTo(uint256 height) private {
        if (block.number < height) vm.roll(height);
    }

    // ------------------------------------------------------------------------------------------------ actions

    function open(uint256 seed, uint96 amount, bool inTokens) external {
        // An ended channel makes room for another one.
        if (books.length < MAX_CHANNELS) books.push();
        uint256 index = books[books.length - 1].phase == 0 ? books.length - 1 : seed % books.length;
        Book storage b = books[index];
        if (b.phase == 1 || b.phase == 2) return;
        delete books[index];
        (Participant memory self, Participant memory partner) = player(seed);
        amount = uint96(bound(amount, 0, 1e12));
        address asset = inTokens ? address(token) : address(0);
        uint32 window = uint32(10 + seed % 60);
        uint16 penaltyBps = uint16(seed >> 16);
        vm.prank(self.account);
        channels.open{value: inTokens ? 0 : amount}(partner.account, asset, amount, window, penaltyBps);
        b.params =
            IDuplexChannel.Params(channels.channelCount(), self.account, partner.account, asset, window, penaltyBps);
        b.phase = 1;
        b.paidIn = amount;
    }

    function deposit(uint256 seed, uint96 amount, bool toB) external {
        if (books.length == 0) return;
        Book storage b = pick(seed, 1);
        (Participant memory self,) = player(seed >> 8);
        amount = uint96(bound(amount, 0, 1e12));
        bytes memory data = abi.encodeCall(channels.deposit, (b.params, toB, amount));
        bool wasOpen = b.phase == 1;
        bool ok = attempt(b, self.account, b.params.token == address(0) ? amount : 0, data);
        assertTrue(ok == wasOpen, "deposits are for open channels only");
        if (!ok) return;
        b.paidIn += amount;
        worked["deposit"] += 1;
    }

    function donate(uint96 amount) external {
        token.mint(address(channels), amount);
        donated[address(token)] += amount;
    }

    function cooperativeWithdraw(uint256 seed, uint96 amount, bool fromB) external {
        if (books.length == 0) return;
        Book storage b = pick(seed, 1);
        (int256 netA, int256 netB) = held(b.params);
        amount = uint96(bound(amount, 0, uint256(netA + netB) + 1));
        bytes32 hash = withdrawHash(b.params, fromB, amount, b.sequence, FOREVER);
        bytes memory data = abi.encodeCall(
            channels.cooperativeWithdraw, (b.params, fromB, amount, FOREVER, sign(alice, hash), sign(bob, hash))
        );
        if (b.params.accountA == bob.account) {
            data = abi.encodeCall(
                channels.cooperativeWithdraw, (b.params, fromB, amount, FOREVER, sign(bob, hash), sign(alice, hash))
            );
        }
        bool allowed = b.phase == 1 && int256(uint256(amount)) <= netA + netB;
        bool ok = attempt(b, STRANGER, 0, data);
        assertTrue(ok == allowed, "what both sign works while open");
        if (!ok) return;
        worked["withdraw"] += 1;
        vm.prank(STRANGER);
        (bool again,) = address(channels).call(data);
        assertTrue(!again, "an authorisation works once");
    }

    function cooperativeClose(uint256 seed, int96 netToA, bool replay) external {
        if (books.length == 0 || seed % 3 != 0) return;
        Book storage b = pick(seed, 1);
        (int256 netA, int256 netB) = held(b.params);
        if (seed % 8 != 0 && 0 < netA + netB) {
            netToA = int96(int256(uint256(uint96(netToA)) % uint256(netA + netB)) - netA);
        }
        bytes32 hash = closeHash(b.params, netToA, b.sequence, FOREVER);
        bool aliceIsA = b.params.accountA == alice.account;
        bytes memory data = abi.encodeCall(
            channels.cooperativeClose,
            (b.params, netToA, FOREVER, sign(aliceIsA ? alice : bob, hash), sign(aliceIsA ? bob : alice, hash))
        );
        bool allowed = b.phase < 3 && 0 <= netA + netToA && 0 <= netB - netToA;
        assertTrue(attempt(b, STRANGER, 0, data) == allowed, "what both sign works until the end");
        if (!allowed) return;
        worked["cooperativeClose"] += 1;
        if (!replay) return;
        vm.prank(STRANGER);
        (bool again,) = address(channels).call(data);
        assertTrue(!again, "an authorisation works once");
    }

    function close(uint256 seed, uint96 declared, uint96 transferred, uint48 nonce) external {
        if (books.length == 0) return;
        Book storage b = pick(seed, 1);
        (Participant memory self, Participant memory partner) = player(seed >> 8);
        bool wasOpen = b.phase == 1;
        IDuplexChannel.BalanceProof memory incoming = nonce % 4 == 0 ? none() : proofOf(nonce % 16, transferred);
        IDuplexChannel.Sig memory sig = incoming.nonce == 0 ? absent() : signed(partner, b.params, incoming);
        bytes memory data = seed & 0xf0000 == 0
            ? abi.encodeCall(channels.recover, (b.params, FOREVER))
            : abi.encodeCall(channels.close, (b.params, declared, incoming, sig, FOREVER));
        assertTrue(attempt(b, self.account, 0, data) == wasOpen, "a channel is closed once");
    }

    /// @dev A few posts at once: floors and counter-claims, agreed and not.
    function post(uint256 seed) external {
        if (books.length == 0) return;
        Book storage b = pick(seed, 2);
        for (uint256 i = 0; i < 4; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            postOne(b, seed);
        }
    }

    function postOne(Book storage b, uint256 seed) private {
        (Participant memory sender, Participant memory recipient) = player(seed);
        bytes memory locks = seed & 30 != 0 ? bytes("") : pack(Lock(1, 1000, uint32(block.number + 5), "lock"));
        IDuplexChannel.BalanceProof memory proof = proofOf(uint48(seed >> 8) % 32, uint96(seed >> 56) % 1e12, locks);
        IDuplexChannel.Sig memory sig = signed(sender, b.params, proof);
        IDuplexChannel.Sig memory ack = seed & 32 == 0 ? absent() : acked(recipient, b.params, proof);
        bytes memory data = seed & 64 == 0
            ? abi.encodeCall(channels.raiseFloor, (b.params, proof, sig))
            : abi.encodeCall(channels.counterClaim, (b.params, proof, sig, ack));
        if (attempt(b, seed & 128 == 0 ? STRANGER : recipient.account, 0, data)) worked["post"] += 1;
    }

    function settle(uint256 seed, bool withLists) external {
        if (books.length == 0) return;
        Book storage b = pick(seed, 2);
        if (b.phase == 2 && seed & 0x100 == 0) goTo(b.closedAt + 3 * b.params.window + b.params.window / 2 + 1);
        // The list is only right if it was posted in this block; otherwise the window for lost lists must be over.
        if (!withLists) vm.roll(block.number + b.params.window);
        bool everPossible = b.phase == 2 && b.closedAt + 4 * b.params.window + b.params.window / 2 < block.number;
        bool ok = attempt(b, STRANGER, 0, abi.encodeCall(channels.settle, (b.params, "", "")));
        assertTrue(ok || !everPossible, "at the latest after four and a half windows it settles without any list");
        assertTrue(!ok || b.closedAt + b.params.window < block.number, "never before the period");
        if (ok) worked["settle"] += 1;
    }

    /// @dev One participant alone, with nothing but its key, empties a channel.
    function emptyAlone(uint256 seed) external {
        if (books.length == 0 || seed % 3 != 0) return;
        Book storage b = pick(seed, 2);
        if (b.phase == 3) return;
        (Participant memory self,) = player(seed >> 10);
        if (b.phase == 1) attempt(b, self.account, 0, abi.encodeCall(channels.recover, (b.params, FOREVER)));
        goTo(b.closedAt + 5 * b.params.window);
        bool ok = attempt(b, self.account, 0, abi.encodeCall(channels.settle, (b.params, "", "")));
        assertTrue(ok && b.phase == 3, "one alone can always empty the channel");
    }

    function register(uint256 seed) external {
        bytes32 preimage = bytes32(seed % 8);
        bytes32 hash = sha256(abi.encodePacked(preimage));
        registerPreimage(preimage);
        if (firstOpened[hash] != 0) return;
        firstOpened[hash] = block.number;
    }

    /// @dev A payee may refuse for a while.
    function moodOf(uint256 seed, bool refuses) external {
        (Participant memory self,) = player(seed);
        vm.etch(self.account, refuses ? type(Refuser).runtimeCode : bytes(""));
    }

    function withdraw(uint256 seed, bool inTokens) external {
        (Participant memory self,) = player(seed);
        address asset = inTokens ? address(token) : address(0);
        uint256 amount = channels.credit(self.account, asset);
        uint256 before = reserves(asset);
        vm.prank(self.account);
        (bool ok,) =
            address(channels).call(abi.encodeCall(channels.withdraw, (asset, address(uint160(0xF00D + seed % 2)))));
        assertTrue(ok == (amount != 0), "a credit can be fetched, once");
        assertEq(before - reserves(asset), amount, "exactly the credit");
        assertEq(channels.credit(self.account, asset), 0, "and then it is gone");
        if (ok) worked["fetch"] += 1;
    }

    function pass(uint8 blocks) external {
        vm.roll(block.number + blocks % 64);
    }
}
