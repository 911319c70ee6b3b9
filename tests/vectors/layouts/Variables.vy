# pragma version 0.4.3
# pragma evm-version shanghai

struct Inner:
    a: uint256
    b: address

struct Rec:
    owner: address
    xs: DynArray[uint256, 3]
    inner: Inner
    name: String[40]

flag Role:
    ADMIN
    USER

owner: address
paused: bool
small: uint8
total: uint256
rec: Rec
arr: uint256[5]
nested: Inner[3]
dyn: DynArray[Inner, 10]
long: DynArray[uint256, 1000]
lists: DynArray[DynArray[uint8, 4], 3]
title: String[50]
blob: Bytes[33]
balances: HashMap[address, uint256]
allowances: HashMap[address, HashMap[address, uint256]]
names: HashMap[uint256, String[70]]
recs: HashMap[bytes32, Rec]
by_name: HashMap[String[60], uint256]
by_bytes: HashMap[bytes4, uint256]
by_int: HashMap[int128, uint256]
by_role: HashMap[Role, bool]
held: HashMap[address, DynArray[Inner, 3]]
slices: HashMap[address, uint256[3]]
deep: HashMap[uint256, HashMap[String[60], HashMap[address, uint256]]]
role: Role

@external
@nonreentrant
def fill(a: address, b: address, n: uint256, w: bytes32, t: int24, text: String[50]):
    self.owner = a
    self.paused = True
    self.small = 7
    self.total = 8
    self.rec = Rec(owner=a, xs=[1, 2], inner=Inner(a=1, b=b), name="a record's name")
    for i: uint256 in range(5):
        self.arr[i] = i + 1
    for i: uint256 in range(3):
        self.nested[i] = Inner(a=i + 1, b=b)
        self.dyn.append(Inner(a=i + 1, b=a))
        self.long.append(i + 1)
        self.lists.append([1, 2])
    self.title = text
    self.blob = b"bytes"
    self.balances[a] = 1
    self.balances[b] = 2
    self.allowances[a][b] = 3
    self.names[n] = text
    self.recs[w] = Rec(owner=b, xs=[3], inner=Inner(a=1, b=b), name="another name")
    self.by_name[text] = 4
    self.by_bytes[convert(slice(w, 0, 4), bytes4)] = 5
    self.by_int[convert(t, int128)] = 6
    self.by_role[Role.USER] = True
    self.held[a] = [Inner(a=1, b=b), Inner(a=2, b=a)]
    self.slices[b] = [1, 2, 3]
    self.deep[n][text][a] = 9
    self.role = Role.USER
