// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title Payment channels between two participants
/// @notice A channel is money that participants A and B locked here, and two one-way streets of signed promises between
/// them. Each street, or direction, has one writer: A signs balance proofs to B, B signs balance proofs to A. The chain
/// is needed only to put money in and to take it out.
///
/// A participant is its account: the hash160 of its compressed public key, which on Qtum is also `msg.sender` and the
/// address that is paid. Amounts are satoshi (1 QTUM = 1e8; Qtum's `msg.value` is in satoshi) or the base units of a
/// QRC20. All times are heights; "until h" includes block h.
///
/// A channel's life: `open`; `deposit` and `cooperativeWithdraw` any number of times; then either `cooperativeClose`, or
/// `close` / `recover` by one participant, corrections by `counterClaim` and `raiseFloor`, and `settle`.
///
/// One deployment holds all channels and the preimage registry. It has no owner, no upgrade and no pause.
interface IDuplexChannel {
    // ---------------------------------------------------------------------------------------------------- types

    /// @notice What a channel is. Fixed for ever, therefore hashed instead of stored: every call passes it again, and
    /// `keccak256(abi.encode(params))` is the channel's id.
    /// @param number Counts the channels of this deployment from 1, so that an id never comes back.
    /// @param accountA The opener.
    /// @param accountB Its partner.
    /// @param token The QRC20 that the channel holds; zero is QTUM.
    /// @param window The finalization period in blocks.
    /// @param penaltyBps What a closer pays for each 10,000 units of what it hid, on top of paying them;
    /// 10,000 = pay the lie twice; 65,535 = everything that the closer would get.
    struct Params {
        uint64 number;
        address accountA;
        address accountB;
        address token;
        uint32 window;
        uint16 penaltyBps;
    }

    /// @notice A signature together with the public key that made it. All zero = absent.
    /// @param r The signature's r.
    /// @param vs The signature's s, at most half the order, with the parity of v in the top bit (EIP-2098).
    /// @param x The public key's x.
    /// @param y The public key's y.
    struct Sig {
        bytes32 r;
        bytes32 vs;
        bytes32 x;
        bytes32 y;
    }

    /// @notice The newest word of one participant to its partner. Signed as
    /// `BalanceProof(bytes32 channelId,uint48 nonce,uint96 transferred,bytes32 locksRoot)`.
    /// @param nonce Counts the sender's proofs from 1; 0 means "none".
    /// @param transferred What the sender has sent in all. May exceed the capacity many times over.
    /// @param locksRoot 0 = no lock is open; else the keccak256 of the packed locks, see `settle`.
    struct BalanceProof {
        uint48 nonce;
        uint96 transferred;
        bytes32 locksRoot;
    }

    // -------------------------------------------------------------------------------------------------- opening

    /// @notice Opens a channel; the caller becomes A.
    /// @param accountB The partner. It need not agree: until it signs, it has nothing at stake.
    /// @param token The QRC20 to hold; zero for QTUM.
    /// @param amount A's first deposit, may be 0. In QTUM it must be the call's value; a QRC20 must be approved before.
    /// @param window The finalization period in blocks, from `minWindow` to `maxWindow`.
    /// @param penaltyBps See `Params`.
    /// @return channelId The new channel's id.
    function open(address accountB, address token, uint96 amount, uint32 window, uint16 penaltyBps)
        external
        payable
        returns (bytes32 channelId);

    /// @notice Adds to one side of an open channel. Anyone may.
    /// @param toB Whose side.
    /// @param amount In QTUM it must be the call's value. Of a QRC20 that takes fees, what arrives is counted.
    function deposit(Params calldata params, bool toB, uint96 amount) external payable;

    // ------------------------------------------------------------------------------------------ by agreement

    /// @notice Takes a part of one side's balance out of an open channel. Signed by both as
    /// `CooperativeWithdraw(bytes32 channelId,bool fromB,uint96 amount,uint16 sequence,uint32 validUntil)`,
    /// where `sequence` is the channel's current one; it rises by one, so that no agreement works twice.
    /// @param fromB Whose side, and who is paid.
    /// @param amount At most what the channel holds. The side's net may become negative: it has received the difference.
    /// @param validUntil The last height at which the agreement may be executed.
    /// @param sigA A's signature. Not looked at when A is the caller, who agrees by calling.
    /// @param sigB B's signature. Not looked at when B is the caller.
    function cooperativeWithdraw(
        Params calldata params,
        bool fromB,
        uint96 amount,
        uint32 validUntil,
        Sig calldata sigA,
        Sig calldata sigB
    ) external;

    /// @notice Pays both at once and ends the channel, even during a dispute. Signed by both as
    /// `CooperativeClose(bytes32 channelId,int96 netToA,uint16 sequence,uint32 validUntil)`.
    /// @param netToA What B has sent to A less what A has sent to B. A gets its net deposits plus this, and B the rest,
    /// from what both nets are when it is mined: a deposit by a stranger can not invalidate the agreement.
    /// @param validUntil The last height at which the agreement may be executed.
    /// @param sigA A's signature. Not looked at when A is the caller, who agrees by calling.
    /// @param sigB B's signature. Not looked at when B is the caller.
    function cooperativeClose(
        Params calldata params,
        int96 netToA,
        uint32 validUntil,
        Sig calldata sigA,
        Sig calldata sigB
    ) external;

    // ------------------------------------------------------------------------------------------------ alone

    /// @notice Closes alone and starts the finalization period: the deadline is this height plus `window`.
    /// @param declared The `transferred` of the newest proof that the caller ever signed. It becomes the floor of the
    /// caller's direction; whoever declares less than turns out pays a penalty, whoever declares this never does.
    /// @param incoming The partner's newest proof; nonce 0 = none.
    /// @param sig The partner's signature over `incoming`.
    /// @param validUntil The last height at which this may be mined. A raw transaction never expires by itself, and a
    /// declaration that was true today must not be mined when it is not true any more.
    function close(
        Params calldata params,
        uint96 declared,
        BalanceProof calldata incoming,
        Sig calldata sig,
        uint32 validUntil
    ) external;

    /// @notice Closes without a declaration: "I lost my data". The deadline is this height plus 3 × `window`, and there
    /// is no penalty.
    /// @param validUntil The last height at which this may be mined.
    function recover(Params calldata params, uint32 validUntil) external;

    /// @notice Posts an agreed proof for the direction of its signer, in place of one with a lower nonce. Agreed means:
    /// the caller is its recipient, or the recipient has signed `Ack(bytes32 proofHash)`, where `proofHash` is the proof's
    /// EIP-712 struct hash. Allowed until the deadline. The first one starts a refute phase of `window` / 2 blocks after
    /// the deadline, in which a posted proof can still be replaced, but only by one with an ack.
    /// @param proof The proof; nonce at least 1.
    /// @param senderSig Its sender's signature, which also says whose direction it is.
    /// @param ack The recipient's signature over the ack. May be absent when the recipient calls before the deadline.
    function counterClaim(Params calldata params, BalanceProof calldata proof, Sig calldata senderSig, Sig calldata ack)
        external;

    /// @notice Raises what a direction's sender owes at least to the `transferred` of a proof that it signed. Needs no
    /// permission: the nonce and the locks are ignored, so that it can only cost the signer. Allowed until the deadline.
    function raiseFloor(Params calldata params, BalanceProof calldata proof, Sig calldata senderSig) external;

    /// @notice Pays both participants everything and clears the channel. Anyone may call it after the deadline, or
    /// after the refute phase if there was a counter-claim.
    ///
    /// A sender owes max(floor, transferred + paid locks). A lock is paid iff its preimage was registered at a height of
    /// at most min(its expiry, the deadline). A gets its net + what B owes − what A owes, but no less than nothing and no
    /// more than everything; B gets the rest. If the closer declared less than max(transferred, floor) of its direction,
    /// it pays the penalty out of what it gets.
    /// @param locksAB The open locks of the posted proof from A to B: `id u64 ‖ amount u96 ‖ expiry u32 ‖ paymentHash`,
    /// big-endian, 56 bytes each, at most 64, without padding; empty if the proof has none. From `window` blocks after
    /// settling became possible, an empty list is accepted in place of a lost one: no lock is paid then.
    /// @param locksBA The same from B to A.
    function settle(Params calldata params, bytes calldata locksAB, bytes calldata locksBA) external;

    /// @notice Records the height at which each payment hash (the sha256 of the 32-byte preimage) was first opened.
    /// What is recorded already stays as it is.
    function registerPreimages(bytes32[] calldata preimages) external;

    /// @notice Fetches what could not be paid to the caller when it was due.
    /// @param token The asset; zero is QTUM.
    /// @param to Who is paid.
    function withdraw(address token, address to) external;

    // ------------------------------------------------------------------------------------------------ views

    /// @notice The number of the newest channel.
    function channelCount() external view returns (uint64);

    /// @notice What is stored of a channel; all zero if it never was or has ended.
    /// @return netA A's deposits less its withdrawals.
    /// @return netB B's deposits less its withdrawals.
    /// @return deadline The last height for corrections; 0 while open.
    /// @return sequence The number of cooperative withdrawals so far; the next agreement must name it.
    /// @return flags 1 = exists, 2 = B closed it, 4 = closed by `recover`, 8 = there was a counter-claim,
    /// 16 / 32 = something was posted for the direction from A / B.
    function channel(bytes32 channelId)
        external
        view
        returns (int96 netA, int96 netB, uint32 deadline, uint16 sequence, uint16 flags);

    /// @notice What was posted for one direction of a closed channel.
    /// @param fromB Whose direction: false = from A to B.
    /// @return nonce The posted proof's nonce; 0 if none.
    /// @return transferred The posted proof's transferred.
    /// @return floor What the sender owes at least.
    /// @return declared What the sender declared when it closed; 0 if it did not.
    /// @return locksRoot The posted proof's locksRoot.
    function direction(bytes32 channelId, bool fromB)
        external
        view
        returns (uint48 nonce, uint96 transferred, uint96 floor, uint96 declared, bytes32 locksRoot);

    /// @notice The height at which a payment hash was first opened; 0 if never.
    function preimageBlock(bytes32 paymentHash) external view returns (uint256);

    /// @notice What `withdraw` would pay to an account.
    function credit(address account, address token) external view returns (uint256);

    /// @notice The shortest finalization period that `open` accepts.
    function minWindow() external view returns (uint32);

    /// @notice The longest finalization period that `open` accepts.
    function maxWindow() external view returns (uint32);

    /// @notice The EIP-712 domain separator of `{name: "Sparky", version: "1", chainId, verifyingContract}`.
    function domainSeparator() external view returns (bytes32);

    // ----------------------------------------------------------------------------------------------- events

    /// @notice A channel was opened with A's deposit of `amount`.
    event Opened(
        bytes32 indexed channelId,
        address indexed accountA,
        address indexed accountB,
        uint64 number,
        address token,
        uint32 window,
        uint16 penaltyBps,
        uint96 amount
    );

    /// @notice `amount` arrived on one side.
    event Deposited(bytes32 indexed channelId, bool toB, uint96 amount);

    /// @notice `amount` left one side by agreement; `sequence` is the new one.
    event Withdrawn(bytes32 indexed channelId, bool fromB, uint96 amount, uint16 sequence);

    /// @notice The channel ended by agreement.
    event CooperativelyClosed(bytes32 indexed channelId, uint96 payA, uint96 payB);

    /// @notice One participant closed and declared. Nonce, transferred and locksRoot are those of the partner's proof
    /// that it posted; zero if it posted none.
    event Closed(
        bytes32 indexed channelId,
        bool byB,
        uint96 declared,
        uint48 nonce,
        uint96 transferred,
        bytes32 locksRoot,
        uint32 deadline
    );

    /// @notice One participant closed without a declaration.
    event Recovered(bytes32 indexed channelId, bool byB, uint32 deadline);

    /// @notice An agreed proof was posted for the direction of its signer.
    /// @param settleableAt The first height at which `settle` is accepted.
    event CounterClaimed(
        bytes32 indexed channelId, bool fromB, uint48 nonce, uint96 transferred, bytes32 locksRoot, uint32 settleableAt
    );

    /// @notice The sender of a direction owes at least `floor`.
    event FloorRaised(bytes32 indexed channelId, bool fromB, uint96 floor);

    /// @notice The channel ended after a finalization period. The penalty is in the payouts already.
    event Settled(bytes32 indexed channelId, uint96 payA, uint96 payB, uint96 penalty);

    /// @notice A payment hash, the preimage's sha256, was opened for the first time. Whoever looks for the preimage of a
    /// hash finds the height in `preimageBlock`.
    event PreimageRegistered(bytes32 preimage);

    /// @notice A payment failed; `account` can `withdraw` it.
    event Credited(address indexed account, address indexed token, uint256 amount);

    /// @notice A credit was paid.
    event CreditWithdrawn(address indexed account, address indexed token, address to, uint256 amount);

    // ----------------------------------------------------------------------------------------------- errors

    /// @notice The constructor's bounds make no sense: 2 ≤ min ≤ max ≤ 2^24 − 1.
    error BoundsInvalid(uint32 min, uint32 max);
    /// @notice The partner must be neither zero, nor the opener, nor this contract.
    error PartnerInvalid(address partner);
    /// @notice The window is outside of this deployment's bounds.
    error WindowOutOfBounds(uint32 window, uint32 min, uint32 max);
    /// @notice The token has no code.
    error NotAToken(address token);
    /// @notice The call's value must be the amount, or zero for a QRC20.
    error ValueMismatch(uint256 value, uint256 expected);
    /// @notice A side's net deposits would exceed the limit.
    error DepositTooLarge(uint256 amount, uint256 limit);
    /// @notice The token refused to deliver.
    error TokenRefused(address token, uint256 amount);
    /// @notice No such channel: never opened, ended, or other params.
    error UnknownChannel(bytes32 channelId);
    /// @notice The channel is closed; the deadline is for orientation.
    error NotOpen(bytes32 channelId, uint32 deadline);
    /// @notice The channel is open: nothing is to be corrected or settled.
    error NotClosed(bytes32 channelId);
    /// @notice Only a participant may do this.
    error NotParticipant(address caller);
    /// @notice The authorisation has expired.
    error Expired(uint256 height, uint32 validUntil);
    /// @notice More than the channel, or the side, holds.
    error InsufficientChannelBalance(int256 wanted, int256 available);
    /// @notice No valid signature by this account; zero if the key is none of a participant.
    error SignatureInvalid(address account);
    /// @notice A proof without a nonce says nothing.
    error NonceZero();
    /// @notice A proof that is not newer than the one posted.
    error Stale(uint48 posted, uint48 given);
    /// @notice A proof that does not raise the floor.
    error FloorNotRaised(uint96 floor, uint96 given);
    /// @notice Corrections ended at `lastHeight`.
    error TooLate(uint256 height, uint256 lastHeight);
    /// @notice The proof is not agreed: its recipient is not the caller, or the refute phase demands its ack.
    error AckMissing(address recipient);
    /// @notice In the refute phase only a posted proof can be replaced.
    error NothingToRefute(bytes32 channelId);
    /// @notice Settling is possible from `settleableAt` on.
    error NotFinal(uint256 height, uint256 settleableAt);
    /// @notice Not the list that the posted proof stands for.
    error LocksMismatch(bytes32 posted, bytes32 given);
    /// @notice Not a list of at most 64 locks of 56 bytes.
    error LocksMalformed(uint256 length);
    /// @notice Nothing is credited.
    error NoCredit(address account, address token);
    /// @notice The payment failed.
    error PaymentFailed(address to, uint256 amount);
    /// @notice A payment failed and might have succeeded with more gas.
    error GasTooLow(uint256 available, uint256 needed);
    /// @notice A token called back into a function that moves tokens.
    error Reentered();
}
