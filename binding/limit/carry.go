package limit

// carry puts what counts in some tables into others.
func (j *Judge) carry(from, to *state) {
	now := j.clock.now()
	for scope, old := range from.tables {
		t := to.tables[scope]
		if old == nil || t == nil {
			continue
		}
		for stripe := range min(stripes, old.sets) {
			old.copyStripe(stripe, now, func(key uint64, e []uint32) { t.take(&old.layout, key, e, now) })
		}
	}
}

// copyStripe gives the places of keys that count in the sets of one lock to another. The lock is held only while they are
// copied.
func (t *table) copyStripe(stripe int, now int64, place func(key uint64, e []uint32)) {
	n := (t.sets - stripe + stripes - 1) / stripes
	hashes, cells := make([]uint64, 0, n*ways), make([]uint32, 0, n*ways*t.Words)
	t.lock(stripe)
	for set := stripe; set < t.sets; set += stripes {
		hashes = append(hashes, t.hashes[set*ways:set*ways+ways]...)
		at := set * ways * t.Words
		cells = append(cells, t.cells[at:at+ways*t.Words]...)
	}
	t.locks[stripe].Unlock()
	for i, key := range hashes {
		if e := cells[i*t.Words:][:t.Words]; key != 0 && !t.stale(e, now) {
			place(key, e)
		}
	}
}

// take puts a key and its counters into the table. Where others have to go for it, it may be the one that goes.
func (t *table) take(from *layout, key uint64, e []uint32, now int64) {
	set := t.set(key)
	lock := t.lock(set)
	defer lock.Unlock()
	if way := t.victim(set); t.free(set, now) < 0 && t.entry(set, way)[wordWeight] > e[wordWeight] {
		lock.pushed++
		return
	}
	t.absorb(t.place(set, key, now), from, e, now)
}

// absorb fills an entry in which nothing is counted from one of another layout. A counter that was not there before is
// filled from one that counted the same in another window: each attempt as late as it can have been.
func (t *table) absorb(e []uint32, from *layout, old []uint32, now int64) {
	e[wordLast], e[wordWeight] = old[wordLast], old[wordWeight]
	for k := range Kind(kinds) {
		if to := t.Lists[k]; to.Len > 0 {
			times := func(then uint32) { to.add(e, then) }
			if !from.eachListed(k, old, times) {
				from.eachCounted(k, Attempts, old, now, func(then int64, n uint32) {
					for range min(n, exact) {
						times(stamp(then))
					}
				})
			}
		}
		if t.Seen[k] != 0 && from.Seen[k] != 0 {
			e[t.Seen[k]] = old[from.Seen[k]]
		}
	}
	for i := range t.Rings {
		r := &t.Rings[i]
		if same := from.ring(*r); same >= 0 {
			r.fill(e, &from.Rings[same], old)
			continue
		}
		count := func(then int64, n uint32) { r.add(e, then, n) }
		switch {
		case r.Metric == Short:
		case from.eachCounted(r.Kind, r.Metric, old, now, count):
		case r.Metric == Attempts:
			from.eachListed(r.Kind, old, func(then uint32) { count(moment(then, now), 1) })
		}
	}
}

// eachListed calls f for every attempt of a list, the oldest first; false: there is no such list.
func (l *layout) eachListed(k Kind, e []uint32, f func(then uint32)) bool {
	from := l.Lists[k]
	for i := from.Len - 1; i >= 0; i-- {
		if then := e[from.At+i]; then != 0 {
			f(then)
		}
	}
	return from.Len > 0
}

// eachCounted calls f for every counter of the longest window of a kind, the oldest first, with the last tick that it was in
// use for; false: there is none.
func (l *layout) eachCounted(k Kind, m Metric, e []uint32, now int64, f func(then int64, n uint32)) bool {
	var from *ring
	for i := range l.Rings {
		if r := &l.Rings[i]; r.Kind == k && r.Metric == m && (from == nil || r.Window > from.Window) {
			from = r
		}
	}
	if from == nil {
		return false
	}
	for i := uint32(buckets); i > 0; i-- {
		at := e[from.Head] - (i - 1)
		n := from.get(e, at)
		if n == 0 {
			continue
		}
		g := grain(from.Window)
		age := int64(int32(from.newest(now) - at))
		f(min(now, (now/g-age+1)*g-1), n)
	}
	return true
}
