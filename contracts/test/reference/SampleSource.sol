// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Bystander
/// @notice Another contract, whose state a source's code may try to change.
contract Bystander {
    uint256 public count;

    function increment() external payable returns (uint256) {
        return ++count;
    }

    function readBack(address replica) external view returns (uint256) {
        return SampleSource(payable(replica)).stored();
    }
}

/// @title SampleSource
/// @notice A source whose functions do all that a replica has to cope with. Its storage is slot 0 and slots of a mapping.
contract SampleSource {
    error Refused(uint256 reason, address caller);

    event Written(uint256 value);

    uint256 private _stored; // slot 0
    mapping(address account => uint256) private _balances; // slot 1

    constructor(uint256 value) {
        _stored = value;
    }

    receive() external payable {}

    // --- views ---

    function stored() public view returns (uint256) {
        return _stored;
    }

    function myBalance() external view returns (address, uint256) {
        return (msg.sender, _balances[msg.sender]);
    }

    function nothing() external pure {}

    /// @notice Returns exactly `size` bytes, without any ABI around them.
    function raw(uint256 size) external pure {
        assembly ("memory-safe") {
            let free := mload(0x40)
            for { let i := 0 } lt(i, size) { i := add(i, 32) } {
                mstore(add(free, i), not(i))
            }
            return(free, size)
        }
    }

    /// @notice Returns or reverts with exactly these bytes.
    function answer(bytes calldata data, bool success) external pure {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, data.offset, data.length)
            if success { return(free, data.length) }
            revert(free, data.length)
        }
    }

    function failText() external pure {
        revert("a text");
    }

    function failCustom(uint256 reason) external view {
        revert Refused(reason, msg.sender);
    }

    function failPanic(uint256 zero) external pure returns (uint256) {
        return 1 / zero;
    }

    function throughItself() external view returns (uint256, address) {
        return (this.stored() + 1, this.sender());
    }

    function throughAnother(Bystander other) external view returns (uint256) {
        return other.readBack(address(this));
    }

    function sender() external view returns (address) {
        return msg.sender;
    }

    function work(uint256 rounds) external pure returns (bytes32 result) {
        for (uint256 i = 0; i < rounds; ++i) {
            result = keccak256(abi.encode(result, i));
        }
    }

    function recurse(uint256 depth) external view returns (uint256) {
        return depth == 0 ? _stored : this.recurse(depth - 1) + 1;
    }

    /// @notice The source's own function of the engine's name.
    function transition(bytes calldata witness) external view returns (bytes32, bytes32) {
        return (keccak256(witness), bytes32(_stored));
    }

    // --- writes ---

    function write(uint256 value) external payable returns (uint256 before, uint256 afterwards) {
        before = _stored;
        _stored = value;
        _balances[msg.sender] = value;
        emit Written(value);
        return (before, _stored);
    }

    function writeSlot(uint256 slot, uint256 value) external {
        assembly {
            sstore(slot, value)
            tstore(slot, value)
        }
    }

    function transientSlot(uint256 slot) external view returns (uint256 value) {
        assembly {
            value := tload(slot)
        }
    }

    function log() external {
        emit Written(1);
    }

    function create() external returns (Bystander) {
        return new Bystander();
    }

    function touch(Bystander other) external returns (uint256) {
        return other.increment();
    }

    function pay(address payable to, uint256 value) external returns (bool success) {
        (success,) = to.call{value: value}("");
    }

    /// @notice Calls anything, as the account whose storage this is.
    function forward(address to, bytes calldata data) external returns (bool success, bytes memory result) {
        (success, result) = to.call(data);
    }
}
