// Package store keeps what must last: the blocks held, the bindings, and the call records. It is a binding.Store, a
// cdr.Journal and a cdr.Reader on embedded Pebble, for one process and one machine.
//
// # What holds
//
// A write is synced to disk when its method returns, or its callback is called, without an error. A crash at any
// moment loses no such write, and of a write in progress it leaves all or nothing. Records are numbered without gaps
// in the order in which they were closed, and a number that was shown is never given again.
//
// No file holds a subscriber number, an order, a record id or any other text of a tenant in clear: values are
// sealed, and what must be found is found by a keyed hash. A 700 number is public; it stands in keys as it is, and so
// do binding ids, which are random letters, and times.
//
// # Two databases
//
// bind/ and cdr/ under the data directory have logs of their own, so that a burst of one does not hold up the syncs of
// the other, and so that records can be kept, copied and thrown away on other terms than bindings. Nothing needs a
// transaction over both. Keys are big-endian; a table is the first byte.
//
//	bind/ m name                       value                      format, database, name of the store in its ring
//	      t id u32                     header, sealed tenant      tenants: name, state, settings
//	      p block u64                  state, tenant, added       blocks held
//	      b X u64, ^start u64          header, sealed binding     newest first; under Y as well where there is one
//	      e binding id                 X, start
//	      z hash, ^start u64, X        when it is over            by each party, order and consent, former ones too
//	      v hash(number), id           header, sealed entry       block lists
//	      j id                         hash(number)               of such an entry
//	      e id                         version, sealed erasure    of a person, while it is being done
//	      a id                         header, sealed token       tokens of tenants, of their secrets the hash
//	      y day u32, hash(tenant, key) hash(request), time, id    what was asked for under an idempotency key
//	cdr/  m                                                       as above
//	      l hash(record id)            header, sealed record      calls that go on
//	      c seq u64                    header, sealed record      calls that ended
//	      r hash(record id)            seq u64
//	      h hash(binding id), seq u64
//	      s span u64                   earliest, latest time      one for each 1024 records
//
// A header names the tenant and the data key and holds what is asked without opening the row (times). It is in clear
// and authenticated: the seal covers table, key and header, so that neither can be exchanged.
//
// # Keys
//
// There is a data key for each tenant and month (or day) of a row's time: of a binding's creation, of a record's end, of
// the day of a recording. It is made when a row first needs it. The keys are in no database but in the ring, a file
// outside the data directory (package ring), wrapped under the master key; so a key that is destroyed there takes with it
// what it sealed in every copy of the data. The time is one that never changes, so that a row keeps its key for life.
//
// A row whose key was destroyed stays until its time is over, with tenant, X and times; reading it is ErrErased, lists
// pass it over and count it. The entries by which it was found by party, order and consent are deleted. In copies of the data
// those remain: whoever has ring and master key too could try a number against them, and learn that it was bound.
//
// # Transactions
//
// A binding is checked and written under a lock of each of its numbers and its id, which nothing else shares, and handed to the
// database's committer, which writes everything that is waiting as one batch with one sync. The committer is also
// what makes an answer possible when the disk makes none: Pebble does not fail on a full disk, it hangs, and then the
// committer hangs alone while its callers are told ErrStalled.
package store
