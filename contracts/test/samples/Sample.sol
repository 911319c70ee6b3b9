// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A source for integration tests: a mapping, views of every kind, and functions that try to write.
contract Sample {
    mapping(uint256 => uint256) public values;
    uint256 public count;
    string public name = "a name that is longer than thirty-one bytes, so it takes several slots";

    event Wrote(uint256 key);

    error Refused(uint256 reason);

    /// @notice Sets `n` keys from `first` on to `value` + key; a value of 0 deletes them.
    function setRange(uint256 first, uint256 n, uint256 value) external {
        for (uint256 key = first; key < first + n; ++key) {
            values[key] = value == 0 ? 0 : value + key;
        }
        count = value;
    }

    function set(uint256 key, uint256 value) external {
        values[key] = value;
    }

    function whoAsks() external view returns (address) {
        return msg.sender;
    }

    function nothing() external pure {}

    function tenThousandBytes() external view returns (bytes memory out) {
        out = new bytes(10_000);
        out[0] = bytes1(uint8(values[1]));
        out[9_999] = 0x7f;
    }

    function refuses() external view {
        revert Refused(values[1]);
    }

    function refusesWithText() external pure {
        revert("not today");
    }

    function writesAndAnswers(uint256 key) external returns (uint256) {
        values[key] += 1;
        emit Wrote(key);
        return values[key];
    }

    function destroy() external {
        selfdestruct(payable(msg.sender));
    }
}
