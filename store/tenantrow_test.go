package store

import (
	"encoding/binary"
	"testing"
	"time"

	"mask700/binding"
)

// TestTenantRowWithoutLimits: one of version 2 is read, and has none; nothing may stand behind it.
func TestTenantRowWithoutLimits(t *testing.T) {
	plain := append(appendText(nil, "shop"), 1)
	plain = appendText(binary.AppendUvarint(plain, flagOwnBlocks), "a reason")
	plain = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(plain, 1), 2)
	plain = append(binary.AppendUvarint(binary.AppendUvarint(plain, uint64(time.Hour)), 0), 2)
	got, err := parseTenantRow(2, plain)
	want := binding.Tenant{Name: "shop", State: binding.TenantSuspended, Reason: "a reason", AddedAt: timeOf(1), Since: timeOf(2),
		TenantSettings: binding.TenantSettings{OwnBlocks: true, TTL: binding.Duration(time.Hour), Texts: binding.TextsMask}}
	if err != nil || got != want {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	longer := appendText(plain, "mode=off")
	if _, err := parseTenantRow(2, longer); err == nil {
		t.Error("limits in a row of version 2 are passed over")
	}
	want.Limits = "mode=off"
	if got, err := parseTenantRow(3, longer); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}
