package io.tidemark.mount;

import io.tidemark.database.RefusedException;
import io.tidemark.mount.fuse.Errno;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Map;

/** The one place where failures become error numbers. */
final class FuseErrno {
  private static final Map<String, Integer> BY_TEXT =
      Map.of(
          "No space left on device", Errno.ENOSPC,
          "Operation not permitted", Errno.EPERM,
          "Permission denied", Errno.EACCES,
          "Read-only file system", Errno.EROFS,
          "File name too long", Errno.ENAMETOOLONG,
          "Not a directory", Errno.ENOTDIR,
          "Is a directory", Errno.EISDIR,
          "Directory not empty", Errno.ENOTEMPTY,
          "File too large", Errno.EFBIG,
          "Too many open files", Errno.EMFILE);

  private FuseErrno() {}

  static int of(IOException e) {
    if (e instanceof RefusedException) {
      return of(((RefusedException) e).kind());
    }
    if (e instanceof NoSuchFileException) {
      return Errno.ENOENT;
    }
    if (e instanceof FileAlreadyExistsException) {
      return Errno.EEXIST;
    }
    if (e instanceof DirectoryNotEmptyException) {
      return Errno.ENOTEMPTY;
    }
    if (e instanceof NotDirectoryException) {
      return Errno.ENOTDIR;
    }
    if (e instanceof AccessDeniedException) {
      return Errno.EACCES;
    }
    String text =
        e instanceof FileSystemException ? ((FileSystemException) e).getReason() : e.getMessage();
    return text == null ? Errno.EIO : BY_TEXT.getOrDefault(text, Errno.EIO);
  }

  private static int of(RefusedException.Kind kind) {
    return switch (kind) {
      case READ_ONLY -> Errno.EROFS;
      case NO_ACCESS -> Errno.EACCES;
      case NO_SPACE -> Errno.ENOSPC;
      case IO, IN_DOUBT -> Errno.EIO;
      case STALE -> Errno.ESTALE;
      case BUSY -> Errno.EBUSY;
      case NOT_PERMITTED -> Errno.EPERM;
      case TOO_BIG -> Errno.EFBIG;
    };
  }
}
