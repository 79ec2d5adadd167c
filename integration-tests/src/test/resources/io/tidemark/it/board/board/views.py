from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from .forms import NoteForm
from .models import Note


@login_required
def index(request):
    notes = Note.objects.filter(author=request.user).order_by("-id")[:20]
    return render(request, "board/index.html", {"notes": notes})


@login_required
def add(request):
    form = NoteForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        note = form.save(commit=False)
        note.author = request.user
        upload = form.cleaned_data["file"]
        if upload:
            note.file_name = upload.name
            note.content = upload.read()
        note.save()
        messages.success(request, "Saved %s" % note.slug)
        return redirect("note", note.slug)
    return render(request, "board/add.html", {"form": form})


@login_required
def show(request, slug):
    return render(request, "board/note.html", {"note": get_object_or_404(Note, slug=slug)})


@login_required
def download(request, slug):
    note = get_object_or_404(Note, slug=slug)
    return HttpResponse(bytes(note.content), content_type="application/octet-stream")
