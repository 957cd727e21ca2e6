package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mask700/cmd/mask700/client"
	"mask700/media/record"
	"mask700/media/record/archive"
)

func newRecordingCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "recording", Short: "What was said in calls whose binding has them recorded"}
	group(cmd)
	cmd.AddCommand(newRecordingListCommand(), newRecordingExportCommand())
	return cmd
}

type recordingListOptions struct {
	connectOptions
	outputOptions
}

func newRecordingListCommand() *cobra.Command {
	o := new(recordingListOptions)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the recordings that are there, oldest day first",
		Long: "List the recordings that are there, oldest day first. The id is that of the call record.\n\n" +
			"live: it is being written. whole: from beginning to end. cut: without its end, as a crash leaves it.\n" +
			"unreadable: its key is gone, or its beginning is damaged.",
		Args: noArgs,
		RunE: o.run,
	}
	o.connectOptions.addFlags(cmd.Flags())
	o.outputOptions.addFlags(cmd.Flags())
	return cmd
}

func (o *recordingListOptions) run(cmd *cobra.Command, _ []string) error {
	if err := o.check(); err != nil {
		return err
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		out := cmd.OutOrStdout()
		t := newTable(out, "ID", "BEGAN", "STATE", "LENGTH", "BYTES", "PACKETS", "LOST")
		err := s.Recordings(ctx, func(i archive.Info) error {
			if o.json() {
				return printJSON(out, i)
			}
			length, packets, lost := "", "", ""
			if i.State == archive.Whole {
				length = time.Duration(i.Seconds * float64(time.Second)).String()
				packets, lost = strconv.FormatUint(i.Packets, 10), strconv.FormatUint(i.Lost, 10)
			}
			return t.add(i.ID, clock(i.Start), string(i.State), length, strconv.FormatInt(i.Bytes, 10), packets, lost)
		})
		if err != nil {
			return err
		}
		return o.end(t, "no recording; `mask700 binding create --record` makes a binding whose calls are recorded")
	})
}

type recordingExportOptions struct {
	connectOptions
	reason, output string
}

func newRecordingExportCommand() *cobra.Command {
	o := new(recordingExportOptions)
	cmd := &cobra.Command{
		Use:   "export ID --reason TEXT -o FILE.wav|FILE.pcap",
		Short: "Write a recording as a sound file: the caller left, the callee right; or as a packet capture",
		Long: "Write a recording as a sound file, which takes G.711 and G.722: the caller left, the callee right.\n" +
			"A file whose name ends in .pcap has the RTP of both as it came, in any codec, under addresses, ports and SSRCs that are\n" +
			"nobody's: from 192.0.2.1 what the caller said, from 192.0.2.2 the callee. Wireshark shows and plays it; session\n" +
			"descriptions in it say what the payload types stand for. Keys of the phone are in neither.\n\n" +
			"Who asked, for which recording and why is put into the audit log before anything is written; see `mask700 audit list`.\n" +
			"The file is in clear, readable by its owner alone. One that is there is not written over.",
		Args: oneArg("the ID of a recording"),
		RunE: o.run,
	}
	o.connectOptions.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.reason, "reason", "", "why it is exported, for the audit log; without any subscriber's number")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "the file to make; .pcap makes it a packet capture")
	return cmd
}

func (o *recordingExportOptions) run(cmd *cobra.Command, args []string) error {
	switch {
	case !goodRecordingID(args[0]):
		return archive.ErrID
	case o.reason == "":
		return errors.New("--reason is missing; say why it is exported, the audit log records it")
	case o.output == "":
		return errors.New("--output is missing; name the file to make, such as -o call.wav")
	}
	return o.with(cmd, needStore, func(ctx context.Context, s *session) error {
		e, err := exportTo(ctx, s.Client, args[0], o.reason, o.output)
		if err != nil {
			return asFlag(err)
		}
		text := "it is whole"
		switch e.State {
		case "cut":
			text = "it stops where the recording was cut off, or has come to"
		case "damaged":
			text = "it stops where the recording is damaged"
		}
		if e.Lost > 0 {
			text += fmt.Sprintf("; the disk was too slow for %s", count(e.Lost, "packet"))
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s; %s\n", o.output, count(uint64(e.Bytes), "byte"), text)
		return err
	})
}

// goodRecordingID refuses what cannot be one before it is sent anywhere: it may be a number by mistake.
func goodRecordingID(id string) bool { return checkCallID(id) == nil }

// exportTo makes the file, and leaves none behind when that fails.
func exportTo(ctx context.Context, c *client.Client, id, reason, name string) (e client.Exported, err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return e, errors.New("--output: there is such a file already; name another")
	}
	if err != nil {
		return e, fmt.Errorf("--output: %w", err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, os.Remove(name))
		}
	}()
	as := record.WAV
	if strings.EqualFold(filepath.Ext(name), ".pcap") {
		as = record.PCAP
	}
	return c.ExportRecording(ctx, id, reason, as, f)
}
