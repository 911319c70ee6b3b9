// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A source for measurements: one mapping at slot 0 and nothing else.
contract MappingSource {
    mapping(uint256 key => uint256 value) public values;
}
