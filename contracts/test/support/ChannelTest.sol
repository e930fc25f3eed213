// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDuplexChannel} from "../../src/IDuplexChannel.sol";
import {Expectations} from "./Expectations.sol";
import {vm, Vm} from "./Vm.sol";

/// @dev Two participants who can sign, a stranger, a deployment, and short words for what tests do all the time.
abstract contract ChannelTest is Expectations {
    struct Participant {
        address account;
        Vm.Wallet wallet;
    }

    struct Lock {
        uint64 id;
        uint96 amount;
        uint32 expiry;
        bytes32 preimage;
    }

    /// @dev What `direction` answers.
    struct Posted {
        uint48 nonce;
        uint96 transferred;
        uint96 floor;
        uint96 declared;
        bytes32 locksRoot;
    }

    uint32 internal constant WINDOW = 100;
    uint16 internal constant PENALTY_BPS = 10_000;
    uint32 internal constant FOREVER = type(uint32).max;
    uint96 internal constant QTUM = 1e8;
    address internal constant STRANGER = address(0x5772A9E7);

    IDuplexChannel internal channels;
    Participant internal alice;
    Participant internal bob;

    function setUp() public virtual {
        vm.roll(1000);
        channels = deploy(10, 100_000);
        alice = participant(0xA11CE);
        bob = participant(0xB0B);
        vm.deal(alice.account, 1_000_000 * QTUM);
        vm.deal(bob.account, 1_000_000 * QTUM);
        vm.deal(STRANGER, 1_000_000 * QTUM);
        vm.label(alice.account, "alice");
        vm.label(bob.account, "bob");
    }

    /// @dev The code as it is shipped. By name, because the tests themselves are compiled with other settings.
    function deploy(uint32 min, uint32 max) internal returns (IDuplexChannel) {
        return IDuplexChannel(vm.deployCode("DuplexChannel.sol:DuplexChannel", abi.encode(min, max)));
    }

    // ------------------------------------------------------------------------------------------------- keys

    function participant(uint256 secret) internal returns (Participant memory p) {
        p.wallet = vm.createWallet(secret);
        bytes1 parity = p.wallet.publicKeyY % 2 == 0 ? bytes1(0x02) : bytes1(0x03);
        p.account = address(ripemd160(abi.encodePacked(sha256(abi.encodePacked(parity, p.wallet.publicKeyX)))));
    }

    function signDigest(Participant memory p, bytes32 digest) internal pure returns (IDuplexChannel.Sig memory sig) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(p.wallet.privateKey, digest);
        sig = IDuplexChannel.Sig({
            r: r,
            vs: bytes32(uint256(s) | (uint256(v - 27) << 255)),
            x: bytes32(p.wallet.publicKeyX),
            y: bytes32(p.wallet.publicKeyY)
        });
    }

    /// @dev Spelt out once more, so that a mistake in the contract's own hashing is seen.
    function separator(address deployment) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Sparky"),
                keccak256("1"),
                block.chainid,
                deployment
            )
        );
    }

    function sign(Participant memory p, bytes32 structHash) internal view returns (IDuplexChannel.Sig memory) {
        return signDigest(p, keccak256(abi.encodePacked(hex"1901", separator(address(channels)), structHash)));
    }

    function absent() internal pure returns (IDuplexChannel.Sig memory sig) {}

    // ------------------------------------------------------------------------------------------- statements

    function idOf(IDuplexChannel.Params memory params) internal pure returns (bytes32) {
        return keccak256(abi.encode(params));
    }

    function none() internal pure returns (IDuplexChannel.BalanceProof memory proof) {}

    function proofOf(uint48 nonce, uint96 transferred) internal pure returns (IDuplexChannel.BalanceProof memory) {
        return IDuplexChannel.BalanceProof(nonce, transferred, 0);
    }

    function proofOf(uint48 nonce, uint96 transferred, bytes memory locks)
        internal
        pure
        returns (IDuplexChannel.BalanceProof memory)
    {
        return IDuplexChannel.BalanceProof(nonce, transferred, locks.length == 0 ? bytes32(0) : keccak256(locks));
    }

    function hashOf(IDuplexChannel.Params memory params, IDuplexChannel.BalanceProof memory proof)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256("BalanceProof(bytes32 channelId,uint48 nonce,uint96 transferred,bytes32 locksRoot)"),
                idOf(params),
                proof.nonce,
                proof.transferred,
                proof.locksRoot
            )
        );
    }

    function signed(Participant memory p, IDuplexChannel.Params memory params, IDuplexChannel.BalanceProof memory proof)
        internal
        view
        returns (IDuplexChannel.Sig memory)
    {
        return sign(p, hashOf(params, proof));
    }

    function acked(Participant memory p, IDuplexChannel.Params memory params, IDuplexChannel.BalanceProof memory proof)
        internal
        view
        returns (IDuplexChannel.Sig memory)
    {
        return sign(p, keccak256(abi.encode(keccak256("Ack(bytes32 proofHash)"), hashOf(params, proof))));
    }

    function closeHash(IDuplexChannel.Params memory params, int96 netToA, uint16 sequence, uint32 validUntil)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256("CooperativeClose(bytes32 channelId,int96 netToA,uint16 sequence,uint32 validUntil)"),
                idOf(params),
                netToA,
                sequence,
                validUntil
            )
        );
    }

    function withdrawHash(
        IDuplexChannel.Params memory params,
        bool fromB,
        uint96 amount,
        uint16 sequence,
        uint32 validUntil
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "CooperativeWithdraw(bytes32 channelId,bool fromB,uint96 amount,uint16 sequence,uint32 validUntil)"
                ),
                idOf(params),
                fromB,
                amount,
                sequence,
                validUntil
            )
        );
    }

    function pack(Lock[] memory locks) internal pure returns (bytes memory packed) {
        for (uint256 i = 0; i < locks.length; ++i) {
            packed = abi.encodePacked(
                packed, locks[i].id, locks[i].amount, locks[i].expiry, sha256(abi.encodePacked(locks[i].preimage))
            );
        }
    }

    function pack(Lock memory lock) internal pure returns (bytes memory) {
        Lock[] memory locks = new Lock[](1);
        locks[0] = lock;
        return pack(locks);
    }

    // ---------------------------------------------------------------------------------------------- actions

    /// @dev A channel in QTUM between Alice and Bob.
    function openWith(uint96 byAlice, uint96 byBob) internal returns (IDuplexChannel.Params memory params) {
        return openWith(byAlice, byBob, PENALTY_BPS);
    }

    function openWith(uint96 byAlice, uint96 byBob, uint16 penaltyBps)
        internal
        returns (IDuplexChannel.Params memory params)
    {
        vm.prank(alice.account);
        bytes32 id = channels.open{value: byAlice}(bob.account, address(0), byAlice, WINDOW, penaltyBps);
        params =
            IDuplexChannel.Params(channels.channelCount(), alice.account, bob.account, address(0), WINDOW, penaltyBps);
        assertEq(id, idOf(params), "id");
        if (byBob != 0) {
            vm.prank(bob.account);
            channels.deposit{value: byBob}(params, true, byBob);
        }
    }

    /// @dev Closes with the partner's proof, if its nonce says that there is one.
    function closeBy(
        Participant memory closer,
        IDuplexChannel.Params memory params,
        uint96 declared,
        IDuplexChannel.BalanceProof memory incoming
    ) internal {
        Participant memory partner = closer.account == alice.account ? bob : alice;
        IDuplexChannel.Sig memory sig = incoming.nonce == 0 ? absent() : signed(partner, params, incoming);
        vm.prank(closer.account);
        channels.close(params, declared, incoming, sig, FOREVER);
    }

    /// @dev The recipient posts the sender's proof.
    function counterClaimBy(
        Participant memory recipient,
        IDuplexChannel.Params memory params,
        IDuplexChannel.BalanceProof memory proof
    ) internal {
        Participant memory sender = recipient.account == alice.account ? bob : alice;
        IDuplexChannel.Sig memory sig = signed(sender, params, proof);
        vm.prank(recipient.account);
        channels.counterClaim(params, proof, sig, absent());
    }

    /// @dev Anyone posts a proof with the ack of its recipient.
    function counterClaimWithAck(
        Participant memory sender,
        IDuplexChannel.Params memory params,
        IDuplexChannel.BalanceProof memory proof
    ) internal {
        Participant memory recipient = sender.account == alice.account ? bob : alice;
        IDuplexChannel.Sig memory sig = signed(sender, params, proof);
        IDuplexChannel.Sig memory ack = acked(recipient, params, proof);
        vm.prank(STRANGER);
        channels.counterClaim(params, proof, sig, ack);
    }

    function raiseFloorOf(
        Participant memory sender,
        IDuplexChannel.Params memory params,
        IDuplexChannel.BalanceProof memory proof
    ) internal {
        IDuplexChannel.Sig memory sig = signed(sender, params, proof);
        vm.prank(STRANGER);
        channels.raiseFloor(params, proof, sig);
    }

    function registerPreimage(bytes32 preimage) internal {
        bytes32[] memory preimages = new bytes32[](1);
        preimages[0] = preimage;
        channels.registerPreimages(preimages);
    }

    /// @dev The deadline of a channel that is closed.
    function deadlineOf(IDuplexChannel.Params memory params) internal view returns (uint32 deadline) {
        (,, deadline,,) = channels.channel(idOf(params));
    }

    /// @dev What is posted for a direction.
    function postedOf(IDuplexChannel.Params memory params, bool fromB) internal view returns (Posted memory posted) {
        (posted.nonce, posted.transferred, posted.floor, posted.declared, posted.locksRoot) =
            channels.direction(idOf(params), fromB);
    }

    function assertPosted(IDuplexChannel.Params memory params, bool fromB, Posted memory expected) internal view {
        Posted memory got = postedOf(params, fromB);
        assertEq(got.nonce, expected.nonce, "nonce");
        assertEq(got.transferred, expected.transferred, "transferred");
        assertEq(got.floor, expected.floor, "floor");
        assertEq(got.declared, expected.declared, "declared");
        assertEq(got.locksRoot, expected.locksRoot, "locksRoot");
    }

    /// @dev Settles and asserts who gets what.
    function settleExpecting(
        IDuplexChannel.Params memory params,
        bytes memory locksAB,
        bytes memory locksBA,
        uint256 payA,
        uint256 payB
    ) internal {
        uint256 beforeA = alice.account.balance;
        uint256 beforeB = bob.account.balance;
        vm.prank(STRANGER);
        channels.settle(params, locksAB, locksBA);
        assertEq(alice.account.balance - beforeA, payA, "alice is paid");
        assertEq(bob.account.balance - beforeB, payB, "bob is paid");
        assertEnded(params);
    }

    /// @dev After the deadline, and the refute phase if there is one.
    function rollPastFinal(IDuplexChannel.Params memory params) internal {
        vm.roll(uint256(deadlineOf(params)) + params.window / 2 + 1);
    }

    /// @dev Nothing is left of it.
    function assertEnded(IDuplexChannel.Params memory params) internal view {
        bytes32 id = idOf(params);
        (int96 netA, int96 netB, uint32 deadline, uint16 sequence, uint16 flags) = channels.channel(id);
        assertTrue(netA == 0 && netB == 0 && deadline == 0 && sequence == 0 && flags == 0, "channel word is cleared");
        for (uint256 i = 0; i < 2; ++i) {
            (uint48 nonce, uint96 transferred, uint96 floor, uint96 declared, bytes32 root) =
                channels.direction(id, i == 1);
            assertTrue(
                nonce == 0 && transferred == 0 && floor == 0 && declared == 0 && root == 0, "direction is cleared"
            );
        }
        // The words themselves, because the view looks at them only if the channel's flags say so.
        uint256 dispute = uint256(keccak256(abi.encode(id, uint256(2))));
        for (uint256 i = 0; i < 5; ++i) {
            assertEq(vm.load(address(channels), bytes32(dispute + i)), bytes32(0), "dispute word is cleared");
        }
    }
}
