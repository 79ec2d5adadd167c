package io.tidemark.mount;

import io.tidemark.mount.fuse.FuseRequest;
import java.io.IOException;
import java.util.concurrent.locks.Lock;

/** The work of one request: it answers the request, or fails before it did. */
interface RequestWork {
  void run() throws IOException;

  /** Runs the work of a request; failures become its answer. */
  static void run(FuseRequest request, RequestWork work) {
    try {
      work.run();
    } catch (IOException e) {
      request.error(FuseErrno.of(e));
    }
  }

  /** The same under a lock, which is held until the request is answered. */
  static void runLocked(Lock lock, FuseRequest request, RequestWork work) {
    lock.lock();
    try {
      run(request, work);
    } finally {
      lock.unlock();
    }
  }
}
