package store

import "time"

// DataKey is what is shown of a data key: nothing of the key itself.
type DataKey struct {
	Use       string    `json:"use"` // "bindings", "records", "recordings"
	ID        uint32    `json:"id"`
	Tenant    string    `json:"tenant"` // empty: rows without one, or of all
	Period    string    `json:"period"` // "2026-11" or "2026-11-26"; empty: all time
	Cipher    string    `json:"cipher"`
	Made      time.Time `json:"made_at"`
	Retired   bool      `json:"retired"`               // it seals no new rows
	Destroyed time.Time `json:"destroyed_at,omitzero"` // zero: it is there
}

// DataKeys lists the data keys, those that were destroyed too.
func (db *DB) DataKeys() ([]DataKey, error) {
	var out []DataKey
	for _, k := range db.ring.Keys() {
		d := DataKey{
			Use: string(k.Use), ID: k.ID, Period: k.Bucket.String(), Cipher: k.Cipher.String(), Made: k.Made,
			Retired: k.Retired, Destroyed: k.Destroyed,
		}
		if k.Tenant != 0 {
			var err error
			if d.Tenant, err = db.tenants.name(k.Tenant); err != nil {
				return nil, err
			}
		}
		out = append(out, d)
	}
	return out, nil
}
