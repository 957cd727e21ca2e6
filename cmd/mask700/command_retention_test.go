package main

import (
	"encoding/json"
	"strings"
	"testing"

	"mask700/cmd/mask700/admin"
)

func TestRetention(t *testing.T) {
	bothWays(t, func(t *testing.T, d *desk) {
		v := d.bind()
		out := d.must("retention", "show")
		for _, want := range []string{"bindings    730 days", "records     183 days", "recordings  183 days", "audit       1096 days"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in:\n%s", want, out)
			}
		}
		d.must("retention", "sweep")
		d.must("retention", "sweep", "--confirm-clock")
		if all := d.log(); len(all) != 1 || all[0].What != "retention.clock" || all[0].Object != "ahead by 0s" {
			t.Errorf("%+v", all)
		}
		var classes []admin.RetentionClass
		for _, line := range strings.Split(strings.TrimSpace(d.must("retention", "show", "-o", "json")), "\n") {
			var c admin.RetentionClass
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatal(err)
			}
			classes = append(classes, c)
		}
		if len(classes) != 4 || classes[0].Last == nil || classes[0].Last.Kept != 1 || classes[0].Oldest.IsZero() || classes[1].Last == nil || classes[2].Last != nil {
			t.Errorf("%+v", classes)
		}
		d.must("binding", "get", v.ID)
		d.must("check")
		d.refuse(1, "takes no argument", "retention", "show", "all")
		d.refuse(2, "unknown command", "retention", "delete")
	})
}
