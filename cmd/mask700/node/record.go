package node

import (
	"context"
	"time"

	"mask700/cmd/mask700/config"
	"mask700/crash"
	"mask700/media"
	"mask700/media/prompt"
	"mask700/media/record"
	"mask700/media/record/archive"
	"mask700/sip/gateway"
	"mask700/store/audit"
)

// startRecordings opens what calls are recorded to, and begins to delete what is too old.
func (n *Node) startRecordings(ctx context.Context, cfg config.Config) error {
	cipher, err := record.ParseCipher(string(cfg.Recording.Cipher))
	if err != nil {
		return err
	}
	if n.audit, err = audit.Open(cfg.AuditLog(), n.db); err != nil {
		return err
	}
	if err := n.audit.Broken(); err != nil {
		n.log.Error("no number is shown and nothing is exported until this is cleared up", "error", err)
	}
	n.recordings, err = archive.Open(archive.Options{
		Dir: cfg.RecordingDir(), Keys: n.db, Cipher: cipher, Segment: time.Duration(cfg.Recording.Segment),
		Retention: time.Duration(cfg.Recording.Retention), Logger: n.log, SweepTime: n.sweepTime,
	})
	if err != nil {
		return err
	}
	ctx, n.stopSweeping = context.WithCancel(ctx)
	n.sweeping.Go(func() {
		defer crash.Door()
		n.recordings.SweepLoop(ctx, func(s archive.Swept) {
			n.swept.Add(uint64(s.Files))
			n.log.Info("recordings whose time is over are deleted", "files", s.Files, "bytes", s.Bytes, "keys", s.Keys)
		})
	})
	return nil
}

// notice gives the clip that both parties hear before they are recorded; nil when they are told otherwise.
func notice(cfg config.Config, clips *prompt.Catalogue) func(codec string) *media.Clip {
	if cfg.Recording.Notice == config.NoticeNone {
		return nil
	}
	return func(codec string) *media.Clip { return clips.Clip(prompt.RecordingNotice, codec) }
}

// recordingCounters are what an operator watches of recordings.
func (n *Node) recordingCounters(c map[string]uint64, st gateway.Stats) {
	s := n.recordings.Stats()
	c["calls_not_recorded"] = st.NotTaped
	c["recordings"] = s.Started
	c["recordings_live"] = s.Live
	c["recordings_failed"] = s.Failed
	c["recordings_bytes"] = s.Bytes
	c["recordings_packets_lost"] = s.Lost
	c["recordings_disk_errors"] = s.Errors
	c["recordings_deleted"] = n.swept.Load()
}

// closeRecordings ends what startRecordings began, before the store is closed.
func (n *Node) closeRecordings() {
	if n.stopSweeping != nil {
		n.stopSweeping()
		n.sweeping.Wait()
	}
	if n.recordings != nil {
		n.recordings.Close()
	}
	if n.audit != nil {
		if err := n.audit.Close(); err != nil {
			n.log.Error("the audit log was not closed cleanly", "error", err)
		}
	}
}
