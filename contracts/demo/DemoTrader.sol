// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev The part of ERC-20 that is needed here.
interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
}

/// @dev The part of a Uniswap v3 pool that needs a contract as its caller: both ask the caller to pay in a callback.
interface IPoolActions {
    function token0() external view returns (address);
    function token1() external view returns (address);
    function mint(address recipient, int24 tickLower, int24 tickUpper, uint128 amount, bytes calldata data)
        external
        returns (uint256 amount0, uint256 amount1);
    function swap(
        address recipient,
        bool zeroForOne,
        int256 amountSpecified,
        uint160 sqrtPriceLimitX96,
        bytes calldata data
    ) external returns (int256 amount0, int256 amount1);
}

/// @title DemoTrader
/// @notice Adds liquidity to one Uniswap v3 pool and trades on it, out of the tokens that it holds.
/// @dev Warning: it does so for anybody. It is for the demo's chain only.
contract DemoTrader {
    /// @dev The ends of the price range, `TickMath.MIN_SQRT_RATIO` and `MAX_SQRT_RATIO`.
    uint160 private constant MIN_SQRT_RATIO = 4_295_128_739;
    uint160 private constant MAX_SQRT_RATIO = 1_461_446_703_485_210_103_287_273_052_203_988_822_378_723_970_342;

    error NotThePool(address caller);

    IPoolActions public immutable pool;
    IToken private immutable TOKEN0;
    IToken private immutable TOKEN1;

    constructor(IPoolActions pool_) {
        pool = pool_;
        TOKEN0 = IToken(pool_.token0());
        TOKEN1 = IToken(pool_.token1());
    }

    /// @notice Adds `amount` of liquidity between two ticks, as a position of the caller's.
    function mint(int24 tickLower, int24 tickUpper, uint128 amount) external {
        pool.mint(msg.sender, tickLower, tickUpper, amount, "");
    }

    /// @notice Sells `amount` of token 0 (where `zeroForOne`) or of token 1.
    function sell(bool zeroForOne, uint128 amount) external {
        uint160 limit = zeroForOne ? MIN_SQRT_RATIO + 1 : MAX_SQRT_RATIO - 1;
        pool.swap(address(this), zeroForOne, int256(uint256(amount)), limit, "");
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        _pay(TOKEN0, amount0);
        _pay(TOKEN1, amount1);
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        if (amount0 > 0) _pay(TOKEN0, uint256(amount0));
        if (amount1 > 0) _pay(TOKEN1, uint256(amount1));
    }

    function _pay(IToken token, uint256 amount) private {
        if (msg.sender != address(pool)) revert NotThePool(msg.sender);
        if (amount != 0) token.transfer(msg.sender, amount);
    }
}
