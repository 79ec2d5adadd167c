package io.tidemark.mount.fuse;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernel protocol on a /dev/fuse descriptor, served by leaders and followers.
 *
 * <p>At any time at most {@code leaders} threads are <em>leaders</em>: they read requests and
 * handle them inline. A handler that must wait calls {@link FuseRequest#blocking}; its thread then
 * gives up leadership, wakes a parked follower in its place unless another leader is already
 * waiting for requests, and does the work itself. So a commit of a single client crosses no thread
 * while it is served, and other clients are served meanwhile. When the work is done the thread
 * leads again if a leader is missing, else it parks.
 *
 * <p>Waking another thread costs more than most of what a handler does, and with a single client it
 * brings nothing: nobody else asks. So while all requests come from one thread, the leader keeps
 * its leadership when it waits, and a watchdog hands it over only if that takes longer than a tick.
 *
 * <p>Invariant: before a leader waits for anything but the kernel, another thread is a leader, or
 * becomes one within {@link #TICK_NANOS} or so. When all {@link #MAX_THREADS} threads are busy,
 * further work goes to a queue and the reader goes on.
 *
 * <p>The descriptor is closed only after the last request was given back, because a late reply must
 * not go to a file that got the same number.
 */
final class KernelTransport implements Transport {
  private static final Logger log = LoggerFactory.getLogger(KernelTransport.class);

  private static final int MAX_THREADS = 16;
  private static final int OVERFLOW_THREADS = 16;

  /** Bytes; handlers are shallow, and most threads only wait. */
  private static final long STACK_SIZE = 512 << 10;

  /** How long other clients may wait for a leader that kept its leadership. */
  private static final long TICK_NANOS = 10_000_000;

  /** The watchdog sleeps after so many ticks without work. */
  private static final int IDLE_TICKS = 20;

  /** After two clients were seen, so many requests of one of them make it the only one again. */
  private static final int ALONE_AFTER = 64;

  private static final int ECONNABORTED = 103;

  /** _IOR(229, 0, uint32_t) of fuse.h. */
  private static final long FUSE_DEV_IOC_CLONE = 0x8004e500L;

  private final FuseFileSystem fs;
  private final int fd;
  private final KernelDispatcher dispatcher;
  private final RequestPool pool = new RequestPool(this);
  private final KernelCache cache = new KernelNotifier(this);
  private final String name;
  private final int leaders;
  private final List<Integer> cpus;
  private final SharedCpu shared;
  private final SpinPolicy spin;
  private final AwakeCpu awake;

  /** A second, non-blocking descriptor of the connection for spinning; -1 if there is none. */
  private final int spinFd;

  private final ThreadPoolExecutor overflow;
  private final AtomicInteger waiting = new AtomicInteger();

  /** The leader that waits without having handed leadership over. */
  private final AtomicReference<Worker> lingering = new AtomicReference<>();

  private final Thread watchdog;

  /** Grows with each request of a lone leader, and with each wait. */
  private volatile long progress;

  /** struct pollfd, for the watchdog. */
  private final ByteBuffer pollFd;

  private volatile boolean watching;

  // Only a hint, so races between leaders do no harm
  private int lastTid;
  private int mixed;

  private final CountDownLatch stopped = new CountDownLatch(1);

  // Guarded by roles
  private final Object roles = new Object();
  private final ArrayDeque<Worker> parked = new ArrayDeque<>();
  private int active;
  private int threads;
  private boolean ended;

  KernelTransport(FuseFileSystem fs, int fd, MountOptions options, FuseTrace trace) {
    this.fs = fs;
    this.fd = fd;
    pollFd = Native.scratch(8).putInt(0, fd).putShort(4, Native.POLLIN);
    dispatcher = new KernelDispatcher(fs, trace, options.logRequests());
    name = "fuse-" + options.mountPoint().getFileName();
    leaders = options.leaders() > 0 ? options.leaders() : Defaults.leaders();
    cpus = options.cpuAffinity();
    int spinMicros = options.spinMicros() >= 0 ? options.spinMicros() : Defaults.spinMicros();
    spin = new SpinPolicy(spinMicros);
    Affinity allowed = cpus.isEmpty() ? Affinity.ofThisThread() : Affinity.of(cpus);
    shared = new SharedCpu(leaders == 1 && options.shareCpu(), allowed);
    awake = new AwakeCpu(spinMicros > 0 && shared.isPossible(), name, System::nanoTime);
    spinFd = spinMicros > 0 ? cloneForSpinning(fd) : -1;
    overflow =
        new ThreadPoolExecutor(
            OVERFLOW_THREADS,
            OVERFLOW_THREADS,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            work ->
                daemon(
                    () -> {
                      shared.makeOrdinary();
                      work.run();
                    },
                    name + "-overflow"));
    overflow.allowCoreThreadTimeOut(true);
    watchdog = daemon(this::watch, name + "-watchdog");
  }

  /**
   * Opens the device again for the same connection. Without root this needs a /dev/fuse that
   * everybody may open, as most distributions have it.
   */
  private static int cloneForSpinning(int fd) {
    int clone =
        Native.C.open(
            Native.cString("/dev/fuse"), Native.O_RDWR | Native.O_CLOEXEC | Native.O_NONBLOCK, 0);
    if (clone < 0) {
      return -1;
    }
    ByteBuffer source = Native.scratch(4).putInt(0, fd);
    if (Native.C.ioctl(clone, FUSE_DEV_IOC_CLONE, Native.address(source)) < 0) {
      Native.close(clone);
      return -1;
    }
    return clone;
  }

  /** Answers INIT, tells the file system, and begins to serve. */
  void start() throws MountException {
    KernelInit.negotiate(fd, pool);
    fs.start(cache);
    synchronized (roles) {
      for (int i = 0; i < leaders; i++) {
        active++;
        startWorker();
      }
    }
    watchdog.start();
    awake.start();
  }

  int fd() {
    return fd;
  }

  RequestPool pool() {
    return pool;
  }

  @Override
  public KernelCache cache() {
    return cache;
  }

  @Override
  public boolean isStopped() {
    return stopped.getCount() == 0;
  }

  @Override
  public boolean awaitStopped(long millis) throws InterruptedException {
    return stopped.await(millis, TimeUnit.MILLISECONDS);
  }

  /** See {@link FuseRequest#blocking}. */
  void blocking(KernelRequest request, Runnable work) {
    long unique = request.unique();
    if (!(Thread.currentThread() instanceof Worker worker) || worker.owner() != this) {
      overflow.execute(() -> KernelDispatcher.run(request, unique, work));
    } else if (worker.leader && leaders == 1 && mixed == 0 && hasFollower()) {
      linger(worker);
      awake.begin(shared.cpu());
      KernelDispatcher.run(request, unique, work);
      awake.end();
      endLinger(worker);
    } else if (!worker.leader || handOver(worker)) {
      KernelDispatcher.run(request, unique, work);
    } else {
      overflow.execute(() -> KernelDispatcher.run(request, unique, work));
    }
  }

  private void linger(Worker worker) {
    lingering.set(worker);
    progress++;
    if (!watching) {
      LockSupport.unpark(watchdog);
    }
  }

  private void endLinger(Worker worker) {
    if (!lingering.compareAndSet(worker, null)) {
      synchronized (roles) {
        // The watchdog was faster: worker.leader tells what became of it, unless it failed.
        lingering.compareAndSet(worker, null);
      }
    }
  }

  /** Whether the watchdog will find a thread to hand leadership over to. */
  private boolean hasFollower() {
    synchronized (roles) {
      return threads < MAX_THREADS || !parked.isEmpty();
    }
  }

  /**
   * Takes leadership from a leader that has been waiting since the last tick, and sees that a
   * leader that shares a CPU is not kept from running.
   */
  private void watch() {
    shared.iAmTheWatchdog();
    long seen = -1;
    int idle = 0;
    int late = 0;
    while (!ended()) {
      long count = progress;
      Worker worker = lingering.get();
      if (count != seen) {
        idle = 0;
        late = 0;
      } else if (worker != null) {
        takeOver(worker);
      } else if (shared.isOn() && (waiting.get() == 0 || requestsWait())) {
        // Once may be the moment between a request and its reader.
        if (++late == 2) {
          shared.rescue();
        }
      } else {
        late = 0;
        idle++;
      }
      seen = count;
      watching = idle < IDLE_TICKS;
      if (watching) {
        LockSupport.parkNanos(this, TICK_NANOS);
      } else {
        shared.stop();
        if (progress == seen) {
          LockSupport.park(this);
        }
        idle = 0;
      }
    }
  }

  private boolean requestsWait() {
    pollFd.putShort(6, (short) 0);
    return Native.C.poll(Native.address(pollFd), 1, 0) > 0;
  }

  private void takeOver(Worker worker) {
    synchronized (roles) {
      if (lingering.compareAndSet(worker, null)) {
        // Whether it waits for a disk or for its CPU cannot be told from here.
        shared.rescue();
        if (!handOver(worker)) {
          lingering.set(worker); // at the next tick again
        }
      }
    }
  }

  /** Notes who asks: one thread, or several. */
  private void noteClient(KernelRequest request, int self) {
    if (leaders > 1) {
      return;
    }
    progress++;
    int tid = request.tid();
    if (tid == 0) {
      if (request.hasAsker()) {
        mixed = ALONE_AFTER; // of another PID namespace; there may be several
      }
    } else if (tid == lastTid) {
      if (mixed > 0) {
        mixed--;
      }
    } else {
      lastTid = tid;
      mixed = ALONE_AFTER;
    }
    if (mixed > 0) {
      shared.stop();
    } else if (tid != 0) {
      shared.requested(tid, self);
      if (shared.isOn() && !watching) {
        LockSupport.unpark(watchdog);
      }
    }
  }

  /** Makes sure that requests are read while {@code worker} waits. */
  private boolean handOver(Worker worker) {
    Worker next;
    shared.stop();
    synchronized (roles) {
      if (ended) {
        return false; // the others leave; this one has to do so as a leader, too
      }
      if (waiting.get() > 0) {
        active--;
        worker.leader = false;
        return true;
      }
      next = parked.pollFirst();
      if (next == null) {
        if (threads >= MAX_THREADS || !startWorker()) {
          return false;
        }
        worker.leader = false;
        return true;
      }
      worker.leader = false;
      next.leader = true;
    }
    LockSupport.unpark(next);
    return true;
  }

  /** The caller has counted the new thread as an active leader. */
  private boolean startWorker() {
    try {
      new Worker(threads + 1).start();
      threads++;
      return true;
    } catch (OutOfMemoryError e) {
      log.warn("no further request thread: {}", e.getMessage());
      return false;
    }
  }

  /** A worker is free again. Returns false when it must end. */
  private boolean awaitLeadership(Worker worker) {
    synchronized (roles) {
      if (ended) {
        return false;
      }
      if (active < leaders) {
        active++;
        worker.leader = true;
        return true;
      }
      parked.addFirst(worker);
    }
    while (!worker.leader) {
      synchronized (roles) {
        if (ended) {
          return worker.leader; // made one a moment ago: it has to leave as one
        }
      }
      LockSupport.park(this);
    }
    return true;
  }

  private boolean ended() {
    synchronized (roles) {
      return ended;
    }
  }

  /** A leader saw the end of the connection. */
  private void leave(Worker worker) {
    boolean last;
    synchronized (roles) {
      ended = true;
      worker.leader = false;
      last = --active == 0 && stopped.getCount() > 0;
      parked.forEach(LockSupport::unpark);
    }
    LockSupport.unpark(watchdog);
    if (last) {
      finish();
    }
  }

  private void finish() {
    try {
      fs.stopped();
    } catch (RuntimeException e) {
      log.error("the file system failed in stopped()", e);
    }
    spin.close();
    shared.close();
    awake.close();
    overflow.shutdown();
    pool.close(
        () -> {
          Native.close(spinFd);
          Native.close(fd);
        });
    stopped.countDown();
  }

  void replyFailed(int opcode, int error, int errno) {
    // ENOENT: the request was aborted or its caller killed. ENODEV and the like: unmounted.
    if (errno != Errno.ENOENT && !isEnd(errno)) {
      log.warn(
          "the kernel refused the answer {} to {}: {}",
          error,
          Opcode.name(opcode),
          Errno.name(errno));
    }
  }

  private static boolean isEnd(int errno) {
    return errno == Errno.ENODEV || errno == ECONNABORTED || errno == Errno.ENOTCONN;
  }

  private static Thread daemon(Runnable work, String name) {
    Thread thread = new Thread(null, work, name, STACK_SIZE);
    thread.setDaemon(true);
    return thread;
  }

  /** A thread that is a leader, at work after it has handed leadership over, or parked. */
  private final class Worker extends Thread {
    volatile boolean leader = true;

    /** Number of the thread for the kernel. */
    private volatile int tid;

    Worker(int number) {
      super(null, null, name + "-" + number, STACK_SIZE);
      setDaemon(true);
    }

    KernelTransport owner() {
      return KernelTransport.this;
    }

    @Override
    public void run() {
      tid = Native.C.gettid();
      if (!cpus.isEmpty()) {
        Affinity.restrictThisThread(cpus);
      }
      shared.makeOrdinary();
      while (leader || awaitLeadership(this)) {
        KernelRequest request = pool.take();
        if (request == null || !receive(request)) {
          leave(this);
          return;
        }
      }
    }

    /** Waits for one request and handles it. Returns false at the end of the connection. */
    private boolean receive(KernelRequest request) {
      waiting.incrementAndGet();
      int from = spinFd;
      long n = spinning(request);
      if (n == 0) {
        from = fd;
        n = sleeping(request);
      }
      // Also 0 bytes would be an error; errno is then of no meaning and the read is repeated.
      int errno = n < 0 ? Native.errno() : Errno.EAGAIN;
      waiting.decrementAndGet();
      if (n > 0) {
        if (request.accept(from, (int) n)) {
          noteClient(request, tid);
          dispatcher.dispatch(request);
        } else {
          log.warn("dropped a malformed request of {} bytes", n);
          request.dropped();
        }
        return true;
      }
      request.dropped();
      if (isEnd(errno)) {
        return false;
      }
      // ENOENT: a request was interrupted while it was being read (fuse_dev_do_read).
      if (errno != Errno.ENOENT && errno != Errno.EINTR && errno != Errno.EAGAIN) {
        log.error("cannot read requests: {}; trying again", Errno.name(errno));
        LockSupport.parkNanos(100_000_000);
      }
      return true;
    }

    /** 0 when nothing came while spinning, or spinning does not pay now. */
    private long spinning(KernelRequest request) {
      if (spinFd < 0 || shared.isOn() || spin.measuresGaps()) {
        return 0;
      }
      long start = System.nanoTime();
      long nanos = spin.spinNanos(start);
      if (nanos == 0) {
        return 0;
      }
      do {
        long n = Native.C.read(spinFd, request.inputAddress(), KernelRequest.CAPACITY);
        if (n > 0) {
          spin.hit();
          return n;
        }
        if (Native.errno() != Errno.EAGAIN) {
          return 0;
        }
        // The client that we just answered is often woken on this very CPU: let it run.
        Native.C.sched_yield();
      } while (System.nanoTime() - start < nanos);
      spin.missed();
      return 0;
    }

    private long sleeping(KernelRequest request) {
      if (shared.isOn() || !spin.measuresGaps()) {
        return Native.C.read(fd, request.inputAddress(), KernelRequest.CAPACITY);
      }
      long start = System.nanoTime();
      long n = Native.C.read(fd, request.inputAddress(), KernelRequest.CAPACITY);
      spin.slept(System.nanoTime() - start);
      return n;
    }
  }
}
