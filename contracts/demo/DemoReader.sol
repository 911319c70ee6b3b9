// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The part of a Uniswap v3 pool that is read here.
interface IPoolState {
    function slot0()
        external
        view
        returns (
            uint160 sqrtPriceX96,
            int24 tick,
            uint16 observationIndex,
            uint16 observationCardinality,
            uint16 observationCardinalityNext,
            uint8 feeProtocol,
            bool unlocked
        );
    function liquidity() external view returns (uint128);
    function observations(uint256 index)
        external
        view
        returns (
            uint32 blockTimestamp,
            int56 tickCumulative,
            uint160 secondsPerLiquidityCumulativeX128,
            bool initialized
        );
}

/// @dev The part of the ENS registry that is read here.
interface IEns {
    function owner(bytes32 node) external view returns (address);
    function resolver(bytes32 node) external view returns (address);
    function ttl(bytes32 node) external view returns (uint64);
}

/// @dev The same function, not declared as `view`: then the compiler makes a CALL of it and not a STATICCALL.
interface IEnsByCall {
    function owner(bytes32 node) external returns (address);
}

/// @title DemoReader
/// @notice A contract that needs a price and the owner of a name, and asks a Uniswap v3 pool and the ENS registry for it
/// by ordinary calls. It knows nothing of SmartSync: the demo deploys the very same code beside the originals on the
/// source chain, and beside the replicas on the target chain.
contract DemoReader {
    /// @notice What one `look` found.
    struct Sight {
        int24 tick; // the pool's tick now
        int24 meanTick; // time-weighted, over the seconds of `span`
        uint32 span; // seconds between the two observations that the mean is taken over
        uint128 liquidity;
        address owner;
        address resolver;
        uint64 ttl;
    }

    event Looked(Sight sight);

    /// @notice The pool's observations do not reach back `window` seconds.
    error HistoryTooShort(uint32 window);
    /// @notice A CALL and a STATICCALL to the registry were answered differently.
    error AnswersDiffer(address byStaticCall, address byCall);

    /// @notice Reads both contracts, in a transaction, and tells what it saw in an event.
    /// @param window The mean tick is taken over the newest observations that are at least so many seconds apart.
    function look(IPoolState pool, IEns ens, bytes32 node, uint32 window) external returns (Sight memory sight) {
        (, sight.tick,,,,,) = pool.slot0();
        (sight.meanTick, sight.span) = meanTick(pool, window);
        sight.liquidity = pool.liquidity();
        sight.owner = ens.owner(node);
        sight.resolver = ens.resolver(node);
        sight.ttl = ens.ttl(node);
        address byCall = IEnsByCall(address(ens)).owner(node);
        if (byCall != sight.owner) revert AnswersDiffer(sight.owner, byCall);
        emit Looked(sight);
    }

    /// @notice The pool's time-weighted mean tick between its newest observation and one at least `window` seconds older,
    /// rounded down, and the seconds between the two.
    function meanTick(IPoolState pool, uint32 window) public view returns (int24 mean, uint32 span) {
        (,, uint256 index, uint256 cardinality,,,) = pool.slot0();
        (uint32 newest, int56 newestSum,,) = pool.observations(index);
        for (uint256 back = 1; back < cardinality; ++back) {
            (uint32 time, int56 sum,, bool initialized) = pool.observations((index + cardinality - back) % cardinality);
            if (!initialized) break;
            span = newest - time;
            if (span < window) continue;
            int56 change = newestSum - sum;
            int56 length = int56(uint56(span));
            mean = int24(change / length);
            if (change < 0 && change % length != 0) --mean;
            return (mean, span);
        }
        revert HistoryTooShort(window);
    }
}
