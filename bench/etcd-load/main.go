// Puts load on etcd, for the benchmark "cluster --against etcd": closed loops of unary Put calls, or a steady rate.
// Prints "begin" and "end" when it measures, and then one line of JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

var (
	targets = flag.String("targets", "", "addresses, with commas between")
	clients = flag.Int("clients", 64, "calls under way at once")
	seconds = flag.Float64("seconds", 3, "how long it is measured")
	warmUp  = flag.Float64("warm-up", 1, "seconds before that")
	size    = flag.Int("size", 100, "bytes of a value")
	rate    = flag.Float64("rate", 0, "calls a second in all; 0: as many as go")
)

type result struct {
	PerSecond float64 `json:"perSecond"`
	P50       float64 `json:"p50"`
	P99       float64 `json:"p99"`
	P999      float64 `json:"p999"`
	// Seconds of processor time of this process while it was measured.
	Processor float64 `json:"processor"`
}

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var stubs []pb.KVClient
	for _, target := range strings.Split(*targets, ",") {
		conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer conn.Close()
		stubs = append(stubs, pb.NewKVClient(conn))
	}
	begin := time.Now().Add(duration(*warmUp))
	end := begin.Add(duration(*seconds))
	ctx, cancel := context.WithDeadline(context.Background(), end.Add(10*time.Second))
	defer cancel()

	samples := make([][]time.Duration, *clients)
	var failed atomic.Value
	var calls atomic.Int64
	var wait sync.WaitGroup
	started := time.Now()
	for i := range *clients {
		wait.Add(1)
		go func() {
			defer wait.Done()
			value := make([]byte, *size)
			rand.Read(value)
			for n := 0; ; n++ {
				due := time.Now()
				if *rate > 0 {
					// The calls are due at even distances, however long the others take: waiting counts.
					due = started.Add(duration(float64(calls.Add(1)) / *rate))
					time.Sleep(time.Until(due))
				}
				if time.Now().After(end) {
					return
				}
				key := fmt.Sprintf("key-%d-%d", i, n%1000)
				_, err := stubs[i%len(stubs)].Put(ctx, &pb.PutRequest{Key: []byte(key), Value: value})
				if err != nil {
					failed.Store(err)
					return
				}
				now := time.Now()
				// Whatever is answered meanwhile, as the other loads count: calls that began before are as many as those that end after.
				if !now.Before(begin) && now.Before(end) {
					samples[i] = append(samples[i], now.Sub(due))
				}
			}
		}()
	}
	time.Sleep(time.Until(begin))
	fmt.Println("begin")
	before := processorTime()
	time.Sleep(time.Until(end))
	processor := processorTime() - before
	fmt.Println("end")
	wait.Wait()
	if err, ok := failed.Load().(error); ok {
		return err
	}
	return print(samples, processor)
}

func print(samples [][]time.Duration, processor float64) error {
	var all []time.Duration
	for _, ofClient := range samples {
		all = append(all, ofClient...)
	}
	if len(all) == 0 {
		return fmt.Errorf("no call was answered in time")
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(share float64) float64 {
		return float64(all[min(len(all)-1, int(share*float64(len(all))))].Microseconds()) / 1000
	}
	return json.NewEncoder(os.Stdout).Encode(result{
		PerSecond: float64(len(all)) / *seconds,
		P50:       at(0.5),
		P99:       at(0.99),
		P999:      at(0.999),
		Processor: processor,
	})
}

func processorTime() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	of := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return of(usage.Utime) + of(usage.Stime)
}

func duration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}
