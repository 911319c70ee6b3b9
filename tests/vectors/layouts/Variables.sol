// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// Every kind of variable that Solidity lays out, and one call that gives each of them a value.
contract Base {
    address owner;
    bool paused;
    uint8 kind;
    uint256 total;
}

contract Variables is Base {
    enum Colour {
        Red,
        Green,
        Blue
    }

    type Price is uint128;

    struct Packed {
        uint64 a;
        uint64 b;
        address c;
    }

    struct Entry {
        address who;
        uint96 much;
        string name;
        uint16[20] small;
        Packed inner;
        mapping(address => uint256) votes;
        uint256[] list;
    }

    struct Node {
        uint256 value;
        Node[] children;
        mapping(uint256 => Node) byNumber;
    }

    uint128 low;
    uint128 high;
    uint8[40] bytesInPlace;
    Packed[3] packedInPlace;
    uint256[2][3] matrix;
    uint40[] times;
    Packed[] structs;
    uint256[][] lists;
    string shortText;
    string longText;
    bytes blob;
    Packed packed;
    Entry entry;
    Node root;
    mapping(address => uint256) balances;
    mapping(address => mapping(address => uint256)) allowances;
    mapping(uint256 => address) owners;
    mapping(uint256 => string) names;
    mapping(string => uint256) byName;
    mapping(bytes => bytes32) byBytes;
    mapping(bytes4 => bool) supported;
    mapping(int24 => Packed) ticks;
    mapping(bool => uint256) byFlag;
    mapping(Colour => uint256) byColour;
    mapping(Price => uint256) byPrice;
    mapping(Variables => uint256) byContract;
    mapping(bytes32 => Entry) entries;
    mapping(address => uint256[]) held;
    mapping(address => uint32[12]) slices;
    mapping(uint256 => mapping(string => mapping(address => Packed))) deep;
    function(uint256) external callback;

    function fill(address a, address b, uint256 n, bytes32 w, int24 t, string calldata long) external {
        owner = a;
        paused = true;
        kind = 7;
        total = 8;
        low = 1;
        high = 2;
        for (uint256 i; i < 40; ++i) bytesInPlace[i] = uint8(i + 1);
        for (uint256 i; i < 3; ++i) packedInPlace[i] = Packed(1, 2, a);
        for (uint256 i; i < 6; ++i) matrix[i / 2][i % 2] = i + 1;
        for (uint40 i; i < 15; ++i) times.push(i + 1);
        for (uint64 i; i < 3; ++i) structs.push(Packed(i + 1, i, b));
        for (uint256 i; i < 2; ++i) {
            lists.push();
            for (uint256 j; j < 3; ++j) lists[i].push(i + j + 1);
        }
        shortText = "short";
        longText = long;
        blob = abi.encode(w, w, w);
        packed = Packed(1, 2, b);
        _entry(entry, a, b, long);
        root.value = 1;
        root.children.push().value = 2;
        root.children[0].children.push().value = 3;
        root.byNumber[n].value = 4;
        root.byNumber[n].byNumber[5].value = 5;
        balances[a] = 1;
        balances[b] = 2;
        allowances[a][b] = 3;
        owners[n] = a;
        names[n] = long;
        byName[long] = 4;
        byBytes[bytes(long)] = w;
        supported[bytes4(w)] = true;
        ticks[t] = Packed(1, 2, a);
        byFlag[true] = 5;
        byFlag[false] = 6;
        byColour[Colour.Blue] = 7;
        byPrice[Price.wrap(uint128(n))] = 8;
        byContract[Variables(b)] = 9;
        _entry(entries[w], b, a, long);
        held[a].push(1);
        held[a].push(2);
        for (uint256 i; i < 12; ++i) slices[b][i] = uint32(i + 1);
        deep[n][long][a] = Packed(3, 4, b);
        callback = this.nothing;
    }

    function nothing(uint256) external {}

    function _entry(Entry storage one, address a, address b, string calldata long) private {
        one.who = a;
        one.much = 1;
        one.name = long;
        for (uint256 i; i < 20; ++i) one.small[i] = uint16(i + 1);
        one.inner = Packed(1, 2, b);
        one.votes[b] = 3;
        one.list.push(4);
        one.list.push(5);
    }
}

/// An ERC-20 as most are: logs with pairs of addresses, and transfers by somebody else.
contract Token {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    string public name = "A token with a name that is longer than a slot";
    string public symbol = "TKN";
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    constructor() {
        totalSupply = balanceOf[msg.sender] = 1e24;
        emit Transfer(address(0), msg.sender, 1e24);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _move(msg.sender, to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        return _move(from, to, value);
    }

    function _move(address from, address to, uint256 value) private returns (bool) {
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
        return true;
    }
}

/// A contract with a namespace of ERC-7201 that is known, and one that is not.
contract Namespaced {
    /// @custom:storage-location erc7201:openzeppelin.storage.ERC20
    struct ERC20Storage {
        mapping(address => uint256) balances;
        mapping(address => mapping(address => uint256)) allowances;
        uint256 totalSupply;
        string name;
        string symbol;
    }

    bytes32 private constant KNOWN = 0x52c63247e1f47db19d5ce0460030c497f067ca4cebf71ba98eeadabe20bace00;
    // keccak256(abi.encode(uint256(keccak256("example.main")) - 1)) & ~bytes32(uint256(0xff))
    bytes32 private constant OTHER = 0x183a6125c38840424c4a85fa12bab2ab606c4b6d0e7cc73c0c06ba5300eab500;

    function fill(address a, address b) external {
        ERC20Storage storage known;
        ERC20Storage storage other;
        assembly {
            known.slot := KNOWN
            other.slot := OTHER
        }
        _fill(known, a, b);
        _fill(other, a, b);
    }

    function _fill(ERC20Storage storage one, address a, address b) private {
        one.balances[a] = 1;
        one.balances[b] = 2;
        one.allowances[a][b] = 3;
        one.totalSupply = 4;
        one.name = "A name that is longer than one slot of thirty-two bytes";
        one.symbol = "SYM";
    }
}
