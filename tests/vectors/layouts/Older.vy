# @version 0.3.10

struct Inner:
    a: uint256
    b: address

enum Role:
    ADMIN
    USER

owner: address
balances: HashMap[address, uint256]
recs: HashMap[bytes32, Inner]
arr: uint256[5]
nested: Inner[3]
dyn: DynArray[Inner, 10]
title: String[50]
by_name: HashMap[String[60], uint256]
by_role: HashMap[Role, bool]
deep: HashMap[uint256, HashMap[address, Inner]]

@external
@nonreentrant('lock')
def fill(a: address, b: address, n: uint256, w: bytes32, t: int24, text: String[50]):
    self.owner = a
    self.balances[a] = 1
    self.balances[b] = 2
    self.recs[w] = Inner({a: 1, b: b})
    for i in range(5):
        self.arr[i] = i + 1
    for i in range(3):
        self.nested[i] = Inner({a: i + 1, b: b})
        self.dyn.append(Inner({a: i + 1, b: a}))
    self.title = text
    self.by_name[text] = 4
    self.by_role[Role.USER] = True
    self.deep[n][a] = Inner({a: 1, b: b})
