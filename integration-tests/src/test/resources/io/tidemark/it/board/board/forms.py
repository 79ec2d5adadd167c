from django import forms

from .models import Note


class NoteForm(forms.ModelForm):
    file = forms.FileField(required=False)

    class Meta:
        model = Note
        fields = ["slug", "text"]
