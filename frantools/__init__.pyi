# The public names, for lazy_loader at run time and for type checkers.
from . import widgets as widgets
from .evaluation import Metrics as Metrics
from .evaluation import evaluate as evaluate
from .frannet import adapters as adapters
from .frannet import samplers as samplers
from .frannet import schedule as schedule
from .frannet.checkpoints import load_model as load_model
from .frannet.checkpoints import models as models
from .frannet.restoration import Restoration as Restoration
from .frannet.restoration import restore as restore
from .frannet.samplers import SETUPS as SETUPS
from .frannet.samplers import Setup as Setup
from .images import load_image as load_image
from .images import portraits as portraits
from .images import prepare_input as prepare_input
from .recipes import load_recipe as load_recipe
from .recipes import save_figure as save_figure
from .recipes import save_picture as save_picture
from .regions import Region as Region
from .reports import findings as findings
from .scores.measures import Measure as Measure
from .scores.measures import measures as measures
from .scores.roi import Roi as Roi
from .scores.roi import find_rois as find_rois
from .scores.roi import merge_rois as merge_rois
from .tables import Table as Table
from .views import figures as figures
from .views import note as note

__version__: str
