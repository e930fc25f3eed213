// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Assets} from "./Assets.sol";
import {A, B, Channel, ChannelWord} from "./Channel.sol";
import {Direction} from "./Direction.sol";
import {Dispute} from "./Dispute.sol";
import {IDuplexChannel} from "./IDuplexChannel.sol";
import {Locks, Registration} from "./Locks.sol";
import {Participants} from "./Participants.sol";
import {Settlement} from "./Settlement.sol";
import {Signatures} from "./Signatures.sol";
import {TypedData} from "./TypedData.sol";

/// @title All channels of one deployment, and the preimage registry
/// @dev The manual is the interface. Every function reads: checks, effects, event, then money.
contract DuplexChannel is IDuplexChannel {
    using Participants for Params;
    using Signatures for Sig;

    /// @dev Shares a word, so that the guard costs no cold slot.
    struct Common {
        uint64 channelCount;
        bool movingTokens;
    }

    /// @dev The length of encoded `Params`.
    uint256 private constant PARAMS_SIZE = 6 * 32;
    /// @dev Where a list begins that is the only argument of a call: after selector, offset and length.
    uint256 private constant LIST_AT = 4 + 2 * 32;

    /// @inheritdoc IDuplexChannel
    uint32 public immutable minWindow;
    /// @inheritdoc IDuplexChannel
    uint32 public immutable maxWindow;
    uint256 private immutable deployedChainId;
    bytes32 private immutable deployedSeparator;

    Common private common;
    mapping(bytes32 channelId => Channel) private channels;
    mapping(bytes32 channelId => Dispute) private disputes;
    mapping(bytes32 paymentHash => Registration) private registry;
    /// @inheritdoc IDuplexChannel
    mapping(address account => mapping(address token => uint256 amount)) public credit;

    /// @param min The shortest finalization period in blocks that a channel may have.
    /// @param max The longest one.
    constructor(uint32 min, uint32 max) {
        if (min < 2 || max < min || type(uint24).max < max) revert BoundsInvalid(min, max);
        minWindow = min;
        maxWindow = max;
        deployedChainId = block.chainid;
        deployedSeparator = TypedData.domainSeparator(block.chainid, address(this));
    }

    // -------------------------------------------------------------------------------------------------- opening

    /// @inheritdoc IDuplexChannel
    function open(address accountB, address token, uint96 amount, uint32 window, uint16 penaltyBps)
        external
        payable
        returns (bytes32 channelId)
    {
        if (accountB == address(0) || accountB == msg.sender || accountB == address(this)) {
            revert PartnerInvalid(accountB);
        }
        if (window < minWindow || maxWindow < window) revert WindowOutOfBounds(window, minWindow, maxWindow);
        if (token != address(0) && token.code.length == 0) revert NotAToken(token);
        amount = take(token, amount);
        int256 net = plus(0, amount);

        uint64 number = ++common.channelCount;
        channelId = keccak256(abi.encode(Params(number, msg.sender, accountB, token, window, penaltyBps)));
        channels[channelId] = ChannelWord.opened(net);
        emit Opened(channelId, msg.sender, accountB, number, token, window, penaltyBps, amount);
    }

    /// @inheritdoc IDuplexChannel
    function deposit(Params calldata params, bool toB, uint96 amount) external payable {
        amount = take(params.token, amount);
        (bytes32 id, Channel chan) = findOpen();
        int256 net = plus(toB ? chan.netB() : chan.netA(), amount);

        channels[id] = toB ? chan.withNetB(net) : chan.withNetA(net);
        emit Deposited(id, toB, amount);
    }

    // ------------------------------------------------------------------------------------------ by agreement

    /// @inheritdoc IDuplexChannel
    function cooperativeWithdraw(
        Params calldata params,
        bool fromB,
        uint96 amount,
        uint32 validUntil,
        Sig calldata sigA,
        Sig calldata sigB
    ) external {
        requireValid(validUntil);
        (bytes32 id, Channel chan) = findOpen();
        uint16 sequence = chan.sequence();
        bytes32 hash = TypedData.cooperativeWithdraw(id, fromB, amount, sequence, validUntil);
        params.requireBoth(digestOf(hash), sigA, sigB);
        int256 taken = int256(uint256(amount));
        if (chan.total() < taken) revert InsufficientChannelBalance(taken, chan.total());

        // Fits: no net is above 2^95 - 1, and their sum does not become negative.
        chan = fromB ? chan.withNetB(chan.netB() - taken) : chan.withNetA(chan.netA() - taken);
        channels[id] = chan.withNextSequence();
        emit Withdrawn(id, fromB, amount, sequence + 1);

        beginTokens(params.token);
        payOrCredit(params.token, fromB ? params.accountB : params.accountA, amount);
        endTokens(params.token);
    }

    /// @inheritdoc IDuplexChannel
    function cooperativeClose(
        Params calldata params,
        int96 netToA,
        uint32 validUntil,
        Sig calldata sigA,
        Sig calldata sigB
    ) external {
        requireValid(validUntil);
        (bytes32 id, Channel chan) = find();
        bytes32 hash = TypedData.cooperativeClose(id, netToA, chan.sequence(), validUntil);
        params.requireBoth(digestOf(hash), sigA, sigB);
        int256 payA = chan.netA() + netToA;
        int256 payB = chan.netB() - netToA;
        if (payA < 0) revert InsufficientChannelBalance(-int256(netToA), chan.netA());
        if (payB < 0) revert InsufficientChannelBalance(netToA, chan.netB());

        clear(id, chan);
        emit CooperativelyClosed(id, uint96(uint256(payA)), uint96(uint256(payB)));

        payBoth(params, uint256(payA), uint256(payB));
    }

    // ------------------------------------------------------------------------------------------------ alone

    /// @inheritdoc IDuplexChannel
    function close(
        Params calldata params,
        uint96 declared,
        BalanceProof calldata incoming,
        Sig calldata sig,
        uint32 validUntil
    ) external {
        requireValid(validUntil);
        (bytes32 id, Channel chan) = findOpen();
        uint256 closer = params.sideOfCaller();
        uint256 deadline = block.number + params.window;
        chan = chan.closed(deadline, closer);
        Dispute storage dispute = disputes[id];

        if (incoming.nonce != 0) {
            sig.requireBy(params.accountOf(1 - closer), digestOf(TypedData.balanceProof(id, incoming)));
            dispute.post(Direction.wrap(0), 1 - closer, incoming);
            chan = chan.with(ChannelWord.postedBy(1 - closer));
        } else if (incoming.transferred != 0 || incoming.locksRoot != 0) {
            revert NonceZero();
        }
        if (declared != 0) {
            dispute.declare(closer, declared);
            chan = chan.with(ChannelWord.postedBy(closer));
        }
        channels[id] = chan;
        emit Closed(
            id, closer == B, declared, incoming.nonce, incoming.transferred, incoming.locksRoot, uint32(deadline)
        );
    }

    /// @inheritdoc IDuplexChannel
    function recover(Params calldata params, uint32 validUntil) external {
        requireValid(validUntil);
        (bytes32 id, Channel chan) = findOpen();
        uint256 closer = params.sideOfCaller();

        uint256 deadline = block.number + 3 * uint256(params.window);
        channels[id] = chan.closed(deadline, closer).with(ChannelWord.RECOVERED);
        emit Recovered(id, closer == B, uint32(deadline));
    }

    /// @inheritdoc IDuplexChannel
    function counterClaim(Params calldata params, BalanceProof calldata proof, Sig calldata senderSig, Sig calldata ack)
        external
    {
        (bytes32 id, Channel chan) = findClosed();
        bytes32 proofHash = TypedData.balanceProof(id, proof);
        uint256 sender = params.sideOfSigner(digestOf(proofHash), senderSig);
        Dispute storage dispute = disputes[id];
        Direction posted = dispute.posted(chan, sender);
        bool refuting = chan.deadline() < block.number;
        if (refuting) {
            uint256 last = chan.lastHeight(params.window);
            if (last < block.number) revert TooLate(block.number, last);
            if (posted.nonce() == 0) revert NothingToRefute(id);
        }
        address recipient = params.accountOf(1 - sender);
        if (!ack.isAbsent()) ack.requireBy(recipient, digestOf(TypedData.ack(proofHash)));
        else if (refuting || msg.sender != recipient) revert AckMissing(recipient);

        dispute.post(posted, sender, proof);
        Channel contested = chan.with(ChannelWord.CONTESTED | ChannelWord.postedBy(sender));
        if (Channel.unwrap(contested) != Channel.unwrap(chan)) channels[id] = contested;
        uint32 settleableAt = uint32(contested.lastHeight(params.window) + 1);
        emit CounterClaimed(id, sender == B, proof.nonce, proof.transferred, proof.locksRoot, settleableAt);
    }

    /// @inheritdoc IDuplexChannel
    function raiseFloor(Params calldata params, BalanceProof calldata proof, Sig calldata senderSig) external {
        (bytes32 id, Channel chan) = findClosed();
        if (chan.deadline() < block.number) revert TooLate(block.number, chan.deadline());
        uint256 sender = params.sideOfSigner(digestOf(TypedData.balanceProof(id, proof)), senderSig);
        Dispute storage dispute = disputes[id];

        dispute.raise(dispute.posted(chan, sender), sender, proof.transferred);
        uint256 flag = ChannelWord.postedBy(sender);
        if (!chan.has(flag)) channels[id] = chan.with(flag);
        emit FloorRaised(id, sender == B, proof.transferred);
    }

    /// @inheritdoc IDuplexChannel
    function settle(Params calldata params, bytes calldata locksAB, bytes calldata locksBA) external {
        (bytes32 id, Channel chan) = findClosed();
        uint256 last = chan.lastHeight(params.window);
        if (block.number <= last) revert NotFinal(block.number, last + 1);
        bool mayBeLost = last + params.window < block.number;
        (uint256 payA, uint256 payB) = Settlement.split(
            chan.netA(),
            uint256(chan.total()),
            owed(id, chan, A, locksAB, mayBeLost),
            owed(id, chan, B, locksBA, mayBeLost)
        );
        uint256 penalty;
        if (chan.closer() == A) {
            penalty = penaltyOf(id, chan, A, payA, params.penaltyBps);
            (payA, payB) = (payA - penalty, payB + penalty);
        } else {
            penalty = penaltyOf(id, chan, B, payB, params.penaltyBps);
            (payA, payB) = (payA + penalty, payB - penalty);
        }

        clear(id, chan);
        emit Settled(id, uint96(payA), uint96(payB), uint96(penalty));

        payBoth(params, payA, payB);
    }

    /// @inheritdoc IDuplexChannel
    function registerPreimages(bytes32[] calldata preimages) external {
        // Read as bytes from the call data: sha256 takes no words, and copying costs as much as hashing.
        unchecked {
            uint256 end = LIST_AT + preimages.length * 32;
            for (uint256 offset = LIST_AT; offset != end; offset += 32) {
                bytes calldata preimage = msg.data[offset:offset + 32];
                Registration storage registration = registry[sha256(preimage)];
                if (registration.height != 0) continue;
                registration.height = block.number;
                emit PreimageRegistered(bytes32(preimage));
            }
        }
    }

    /// @inheritdoc IDuplexChannel
    function withdraw(address token, address to) external {
        uint256 amount = credit[msg.sender][token];
        if (amount == 0) revert NoCredit(msg.sender, token);

        delete credit[msg.sender][token];
        emit CreditWithdrawn(msg.sender, token, to, amount);

        beginTokens(token);
        if (to == address(0) || !Assets.tryPay(token, to, amount)) revert PaymentFailed(to, amount);
        endTokens(token);
    }

    // ------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IDuplexChannel
    function channelCount() external view returns (uint64) {
        return common.channelCount;
    }

    /// @inheritdoc IDuplexChannel
    function channel(bytes32 channelId)
        external
        view
        returns (int96 netA, int96 netB, uint32 deadline, uint16 sequence, uint16 flags)
    {
        Channel chan = channels[channelId];
        return (int96(chan.netA()), int96(chan.netB()), uint32(chan.deadline()), chan.sequence(), chan.flags());
    }

    /// @inheritdoc IDuplexChannel
    function direction(bytes32 channelId, bool fromB)
        external
        view
        returns (uint48 nonce, uint96 transferred, uint96 floor, uint96 declared, bytes32 locksRoot)
    {
        Channel chan = channels[channelId];
        Dispute storage dispute = disputes[channelId];
        uint256 sender = fromB ? B : A;
        Direction posted = dispute.posted(chan, sender);
        nonce = posted.nonce();
        if (nonce != 0) transferred = posted.transferred();
        floor = posted.floor();
        if (chan.closer() == sender && !chan.has(ChannelWord.RECOVERED)) declared = dispute.declaredIn(posted);
        locksRoot = dispute.locksRoot(posted, sender);
    }

    /// @inheritdoc IDuplexChannel
    function preimageBlock(bytes32 paymentHash) external view returns (uint256) {
        return registry[paymentHash].height;
    }

    /// @inheritdoc IDuplexChannel
    function domainSeparator() public view returns (bytes32) {
        // A chain that splits has two ids; a signature must be good on one of the two only.
        if (block.chainid == deployedChainId) return deployedSeparator;
        return TypedData.domainSeparator(block.chainid, address(this));
    }

    // ---------------------------------------------------------------------------------------- finding a channel

    /// @dev Every call about a channel begins with its params, so they need not be encoded again to be hashed.
    function find() private view returns (bytes32 id, Channel chan) {
        id = keccak256(msg.data[4:4 + PARAMS_SIZE]);
        chan = channels[id];
        if (chan.isNone()) revert UnknownChannel(id);
    }

    function findOpen() private view returns (bytes32 id, Channel chan) {
        (id, chan) = find();
        if (chan.deadline() != 0) revert NotOpen(id, uint32(chan.deadline()));
    }

    function findClosed() private view returns (bytes32 id, Channel chan) {
        (id, chan) = find();
        if (chan.deadline() == 0) revert NotClosed(id);
    }

    function digestOf(bytes32 structHash) private view returns (bytes32) {
        return TypedData.digest(domainSeparator(), structHash);
    }

    function requireValid(uint32 validUntil) private view {
        if (validUntil < block.number) revert Expired(block.number, validUntil);
    }

    // --------------------------------------------------------------------------------- posting and settling

    /// @dev What the sender of a direction owes in all.
    function owed(bytes32 id, Channel chan, uint256 sender, bytes calldata locks, bool mayBeLost)
        private
        view
        returns (uint256)
    {
        Dispute storage dispute = disputes[id];
        Direction posted = dispute.posted(chan, sender);
        Locks.requireRoot(locks, dispute.locksRoot(posted, sender), mayBeLost);
        uint256 paid = Locks.paid(locks, chan.deadline(), registry);
        return Settlement.max(posted.floor(), posted.transferred() + paid);
    }

    /// @dev What the closer pays out of `pay` for what it hid.
    function penaltyOf(bytes32 id, Channel chan, uint256 closer, uint256 pay, uint256 penaltyBps)
        private
        view
        returns (uint256)
    {
        if (chan.has(ChannelWord.RECOVERED)) return 0;
        Dispute storage dispute = disputes[id];
        Direction posted = dispute.posted(chan, closer);
        return Settlement.penalty(pay, posted.shown(), dispute.declaredIn(posted), penaltyBps);
    }

    /// @dev Ends the channel: every word goes back to zero.
    function clear(bytes32 id, Channel chan) private {
        channels[id] = Channel.wrap(0);
        disputes[id].clear(chan);
    }

    // ------------------------------------------------------------------------------------------------ money

    /// @dev Takes a deposit in and says how much of it arrived.
    function take(address token, uint96 amount) private returns (uint96) {
        uint256 expected = token == address(0) ? amount : 0;
        if (msg.value != expected) revert ValueMismatch(msg.value, expected);
        if (token == address(0) || amount == 0) return amount;

        beginTokens(token);
        uint256 arrived = Assets.pull(token, amount);
        endTokens(token);
        if (type(uint96).max < arrived) revert DepositTooLarge(arrived, type(uint96).max);
        return uint96(arrived);
    }

    /// @dev A net with a deposit added. It must stay within an int96.
    function plus(int256 net, uint96 amount) private pure returns (int256 sum) {
        unchecked {
            sum = net + int256(uint256(amount));
            if (type(int96).max < sum) revert DepositTooLarge(amount, uint256(type(int96).max - net));
        }
    }

    function payBoth(Params calldata params, uint256 payA, uint256 payB) private {
        beginTokens(params.token);
        payOrCredit(params.token, params.accountA, payA);
        payOrCredit(params.token, params.accountB, payB);
        endTokens(params.token);
    }

    /// @dev What can not be paid now waits for `withdraw`; it holds up nobody else.
    function payOrCredit(address token, address account, uint256 amount) private {
        if (amount == 0 || Assets.tryPay(token, account, amount)) return;
        credit[account][token] += amount;
        emit Credited(account, token, amount);
    }

    /// @dev A token may call back. Guarded by storage, because Qtum does not revert transient storage.
    function beginTokens(address token) private {
        if (token == address(0)) return;
        if (common.movingTokens) revert Reentered();
        common.movingTokens = true;
    }

    function endTokens(address token) private {
        if (token != address(0)) common.movingTokens = false;
    }
}
